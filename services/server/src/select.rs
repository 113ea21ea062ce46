//! What to take: from the body of a request to a selection.

use std::collections::{BTreeMap, HashSet};

use gantry_asset::{Asset, AssetId};
use gantry_search::{Collapse, Query};
use gantry_staging::{Draft, MAX_ASSETS, Ranged, keep_draft, keep_draft_with_queries};
use gantry_store::{Selection, User};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::App;
use crate::ask::{TakeDatalink, TakeUpload, adql_asset, datalink_asset};
use crate::problem::{BAD_REQUEST, Problem, TOO_MANY_ASSETS};
use crate::search_query::SearchParams;
use crate::sets::Wishes;

/// What to take: exactly one of `selection`, `assets`, `search`, `adql`, `datalink`, or several members in `any_of`.
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
    /// A query in ADQL; only archives that answer queries take it.
    pub(crate) adql: Option<String>,
    /// Products of sources, `{archive, release, sources, types}`; only archives that serve DataLink take it.
    #[schema(value_type = Option<Object>)]
    pub(crate) datalink: Option<TakeDatalink>,
    /// With `adql`: which archive is asked.
    pub(crate) archive: Option<String>,
    /// With `adql`: the release it is about.
    pub(crate) release: Option<String>,
    /// With `adql`: `votable` (default), `fits`, `ecsv` or `csv`.
    pub(crate) format: Option<String>,
    /// With `adql`: the most rows that are wanted.
    pub(crate) max_rows: Option<u64>,
    /// With `adql`: a VOTable of a volume that goes with it as `tap_upload.<name>`, `{name, volume, path}`; at most 16 MiB.
    #[schema(value_type = Option<Object>)]
    pub(crate) upload: Option<TakeUpload>,
    /// Beside what is taken: which of several observation files of a station and day is kept, `{span, sampling, rinex_version}`.
    #[schema(value_type = Option<Object>)]
    pub(crate) prefer: Option<Value>,
    /// Beside what is taken: the products that are added to the days of what is taken, `{content, latency, analysis_centre, one_set, margin_days, antenna, nav}`.
    #[schema(value_type = Option<Object>)]
    pub(crate) with: Option<Value>,
    /// What no member of the request is called.
    #[serde(flatten, skip_serializing)]
    #[schema(ignore)]
    pub(crate) unknown: BTreeMap<String, Value>,
}

/// All matches of a search, as its address or its parameters.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TakeSearch {
    q: Option<String>,
    facet: Vec<String>,
    time: Option<String>,
    pos: Option<String>,
    frame: Option<String>,
    days: Option<String>,
    near: Option<String>,
    bbox: Option<String>,
    since: Option<u64>,
    collapse: Option<String>,
}

impl TakeSearch {
    /// The members of a series within a range of days.
    pub(crate) fn of_series(series: &str, days: String) -> Self {
        Self {
            facet: vec![format!("series/{series}")],
            days: Some(days),
            ..Self::default()
        }
    }
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
    take.known()?;
    let wishes = Wishes::of(take)?;
    if let Some(id) = &take.selection {
        take.without_wishes("a selection never changes: say it when the selection is made")?;
        return Ok(app
            .store
            .selection(id, user.map(|user| user.id.as_str()))
            .await?);
    }
    let mut taken = Taken {
        asker: user,
        ..Taken::default()
    };
    collect(app, take, &mut taken, DEPTH).await?;
    taken.own_queries(app).await?;
    let mut draft = Draft::of(&app.store, &taken.ids, &taken.ranged).await?;
    wishes.fulfil(app, &mut draft).await?;
    crate::stations::tell(app, &mut draft).await?;
    if taken.queries.is_empty() {
        return Ok(keep_draft(&app.store, draft).await?);
    }
    let user = user.ok_or_else(Problem::not_logged_in)?;
    Ok(keep_draft_with_queries(&app.store, user, draft, &taken.queries).await?)
}

/// What was asked for, member by member.
#[derive(Default)]
struct Taken<'a> {
    /// Who asks, where that is known.
    asker: Option<&'a User>,
    ids: Vec<AssetId>,
    ranged: Vec<Ranged>,
    queries: Vec<Asset>,
}

impl Taken<'_> {
    /// Tells the asker's own queries, asked for by their ids, from what is everybody's.
    async fn own_queries(&mut self, app: &App) -> Result<(), Problem> {
        let Some(user) = self.asker.filter(|_| !self.ids.is_empty()) else {
            return Ok(());
        };
        let most = usize::try_from(MAX_ASSETS).unwrap_or(usize::MAX);
        if self.ids.len() > most {
            // That they are too many is said where they are looked up.
            return Ok(());
        }
        let own = app.store.own_assets(&self.ids, &user.id).await?;
        let own_ids: HashSet<&AssetId> = own.iter().map(|record| &record.asset.id).collect();
        self.ids.retain(|id| !own_ids.contains(id));
        self.queries
            .extend(own.into_iter().map(|record| record.asset));
        Ok(())
    }
}

impl Take {
    /// That nothing was asked for which nobody would look at.
    fn known(&self) -> Result<(), Problem> {
        let Some(name) = self.unknown.keys().next() else {
            return Ok(());
        };
        let name: String = name.chars().take(60).collect();
        let why = "a request takes `selection`, `assets`, `search` with `except`, `adql`, `datalink` or `any_of`, `prefer` and `with` beside them, and what is to be done with them";
        Err(Problem::new(
            &BAD_REQUEST,
            format!("`{name}` is not known: {why}"),
        ))
    }

    /// That neither `prefer` nor `with` stands where it would not be looked at.
    fn without_wishes(&self, why: &str) -> Result<(), Problem> {
        let wishes = [("prefer", &self.prefer), ("with", &self.with)];
        match wishes.iter().find(|(_, wish)| wish.is_some()) {
            Some((name, _)) => Err(Problem::new(&BAD_REQUEST, format!("`{name}`: {why}"))),
            None => Ok(()),
        }
    }
}

async fn collect(app: &App, take: &Take, taken: &mut Taken<'_>, depth: u32) -> Result<(), Problem> {
    if depth == 0 {
        return Err(Problem::new(
            &BAD_REQUEST,
            "`any_of` is nested too deep; three levels are allowed",
        ));
    }
    take.known()?;
    let n_members = usize::from(take.assets.is_some())
        + usize::from(take.search.is_some())
        + usize::from(take.adql.is_some())
        + usize::from(take.datalink.is_some())
        + usize::from(!take.any_of.is_empty());
    if n_members != 1 {
        return Err(Problem::new(
            &BAD_REQUEST,
            "say what to take with exactly one of `selection`, `assets`, `search`, `adql`, `datalink` and `any_of`",
        ));
    }
    for text in take.assets.iter().flatten() {
        taken.ids.push(
            AssetId::parse(text).map_err(|error| Problem::new(&BAD_REQUEST, error.to_string()))?,
        );
    }
    if let Some(search) = &take.search {
        let found = matches(app, search, &take.except).await?;
        if let Some(days) = search.days.as_deref().and_then(|days| days.parse().ok()) {
            let ids = found.clone();
            taken.ranged.push(Ranged { days, ids });
        }
        taken.ids.extend(found);
    }
    if let Some(adql) = &take.adql {
        let query = adql_asset(app, taken.asker, take, adql).await?;
        taken.queries.push(query);
    }
    if let Some(datalink) = &take.datalink {
        taken.queries.push(datalink_asset(app, datalink)?);
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
        if taken.ids.len() as u64 > MAX_ASSETS {
            break;
        }
        member.without_wishes("it holds for all that is taken and stands beside `any_of`")?;
        Box::pin(collect(app, member, taken, depth - 1)).await?;
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
        frame: search.frame.clone(),
        days: search.days.clone(),
        near: search.near.clone(),
        bbox: search.bbox.clone(),
        since: search.since,
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
