//! Angles on the sky, in degrees.

/// The angle between two points.
pub(super) fn separation_deg(from: [f64; 2], to: [f64; 2]) -> f64 {
    let [lon_1, lat_1] = from.map(f64::to_radians);
    let [lon_2, lat_2] = to.map(f64::to_radians);
    let haversine = ((lat_2 - lat_1) / 2.0).sin().powi(2)
        + lat_1.cos() * lat_2.cos() * ((lon_2 - lon_1) / 2.0).sin().powi(2);
    (2.0 * haversine.sqrt().min(1.0).asin()).to_degrees()
}

/// Whether a point lies in a box given by its centre, width and height.
///
/// The width is taken along the parallel of the centre, in degrees of longitude, as the archive does
/// for boxes that do not touch a pole.
pub(super) fn is_in_box(point: [f64; 2], [lon, lat, width, height]: [f64; 4]) -> bool {
    let offset = (point[0] - lon + 540.0).rem_euclid(360.0) - 180.0;
    offset.abs() <= width / 2.0 && (point[1] - lat).abs() <= height / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_degree_of_declination_is_a_degree_and_one_of_longitude_shrinks() {
        assert!((separation_deg([10.0, 20.0], [10.0, 21.0]) - 1.0).abs() < 1e-12);
        let east = separation_deg([0.0, 60.0], [1.0, 60.0]);
        assert!((east - 0.499_99).abs() < 1e-4, "{east}");
        assert!((separation_deg([359.5, 0.0], [0.5, 0.0]) - 1.0).abs() < 1e-12);
    }
}
