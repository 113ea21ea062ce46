//! Every kind of archive Gantry knows.

use gantry_connector::Registry;

/// `[archive.<id>] kind = "…"` picks one. Adding a kind is one line here and its dependency.
pub(crate) fn registry() -> Registry {
    Registry::new()
        .kind("planck", gantry_connector_planck::connect)
        .kind("gaia", gantry_connector_gaia::connect)
        .kind("gssc", gantry_connector_gssc::connect)
        .kind("obstap", gantry_connector_obstap::connect)
}
