//! What to take: from the body of a request to a selection.

use gantry_asset::AssetId;
use gantry_search::{Collapse, Query};
use gantry_staging::{MAX_ASSETS, select};
use gantry_store::{Selection, User};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::App;
use crate::problem::{BAD_REQUEST, Problem, TOO_MANY_ASSETS, UNPROCESSABLE};
use crate::search_query::SearchParams;

/// What to take: exactly one of `selection`, `assets`, `search`, or several members in `any_of`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct Take {
    /// A selection made before.
    pub(crate) selection: Option<String>,
    /// Assets by id.
    pub(crate) assets: Option<Vec<String>>,
    /// All matches of a search.
    #[schema(value_type = Option<Object>)]
    pub(crate) search: Option<TakeSearch>,
    /// Matches that are left out.
    pub(crate) except: Vec<String>,
    /// Several of these.
    #[schema(value_type = Vec<Object>)]
    pub(crate) any_of: Vec<Take>,
    /// A query of an archive; only archives that answer queries take it.
    pub(crate) adql: Option<String>,
    /// Products of sources; only archives that serve DataLink take it.
    #[schema(value_type = Option<Object>)]
    pub(crate) datalink: Option<Value>,
}

/// All matches of a search, as its address or its parameters.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TakeSearch {
    q: Option<String>,
    facet: Vec<String>,
    time: Option<String>,
    pos: Option<String>,
    days: Option<String>,
    near: Option<String>,
    collapse: Option<String>,
}

const DEPTH: u32 = 4;
/// How many members one `any_of` may have.
const MEMBERS: usize = 200;

/// Finds or makes the selection that is asked for.
pub(crate) async fn selection_of(
    app: &App,
    user: Option<&User>,
    take: &Take,
) -> Result<Selection, Problem> {
    if let Some(id) = &take.selection {
        return Ok(app
            .store
            .selection(id, user.map(|user| user.id.as_str()))
            .await?);
    }
    let mut ids = Vec::new();
    collect(app, take, &mut ids, DEPTH).await?;
    Ok(select(&app.store, &ids).await?)
}

async fn collect(
    app: &App,
    take: &Take,
    ids: &mut Vec<AssetId>,
    depth: u32,
) -> Result<(), Problem> {
    if depth == 0 {
        return Err(Problem::new(
            &BAD_REQUEST,
            "`any_of` is nested too deep; three levels are allowed",
        ));
    }
    if take.adql.is_some() || take.datalink.is_some() {
        return Err(Problem::new(
            &UNPROCESSABLE,
            "`adql` and `datalink` need an archive that answers queries; none of the configured ones does",
        ));
    }
    let n_members = usize::from(take.assets.is_some())
        + usize::from(take.search.is_some())
        + usize::from(!take.any_of.is_empty());
    if n_members != 1 {
        return Err(Problem::new(
            &BAD_REQUEST,
            "say what to take with exactly one of `selection`, `assets`, `search` and `any_of`",
        ));
    }
    for text in take.assets.iter().flatten() {
        ids.push(
            AssetId::parse(text).map_err(|error| Problem::new(&BAD_REQUEST, error.to_string()))?,
        );
    }
    if let Some(search) = &take.search {
        ids.extend(matches(app, search, &take.except).await?);
    }
    if take.any_of.len() > MEMBERS {
        return Err(Problem::new(
            &BAD_REQUEST,
            format!(
                "`any_of` has {} members; {MEMBERS} are allowed",
                take.any_of.len()
            ),
        ));
    }
    for member in &take.any_of {
        if ids.len() as u64 > MAX_ASSETS {
            break;
        }
        Box::pin(collect(app, member, ids, depth - 1)).await?;
    }
    Ok(())
}

async fn matches(
    app: &App,
    search: &TakeSearch,
    except: &[String],
) -> Result<Vec<AssetId>, Problem> {
    let params = SearchParams {
        q: search.q.clone(),
        facet: search.facet.clone(),
        time: search.time.clone(),
        pos: search.pos.clone(),
        days: search.days.clone(),
        near: search.near.clone(),
        collapse: search.collapse.clone(),
        ..SearchParams::default()
    };
    let query = Query {
        collapse: Collapse::None,
        ..params.query()?
    };
    let max = usize::try_from(MAX_ASSETS).unwrap_or(usize::MAX);
    let found = crate::rest::blocking(app, move |app| app.index.resolve(&query, max + 1)).await??;
    if found.len() > max {
        return Err(Problem::new(
            &TOO_MANY_ASSETS,
            format!("the search matches more than {MAX_ASSETS} assets; narrow it"),
        ));
    }
    Ok(found
        .into_iter()
        .map(|found| found.id)
        .filter(|id| !except.iter().any(|left_out| left_out == id.as_str()))
        .collect())
}
