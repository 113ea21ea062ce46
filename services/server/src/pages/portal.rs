//! Buttons on portals: a click comes without anybody's identity, is kept, and is confirmed after login.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::response::{IntoResponse, Redirect, Response};
use gantry_asset::AssetId;
use gantry_store::{Idempotent, Intent, Kept, NewHandover, NewIntent, StoreError, User};
use serde::Deserialize;

use super::confirm::{AskedQuery, Question, Source, ask};
use crate::app::App;
use crate::extract::{FromForm, FromPath, once, read_body, read_form};
use crate::identity::Caller;
use crate::portal::handover::{self, Handover};
use crate::portal::{ACTIONS, CLICK_BYTES, Click, Signed, Wanted, look_up, with_query};
use crate::problem::{BAD_REQUEST, BUSY, INTENT_GONE, Problem, UNPROCESSABLE};
use crate::rest::datalabs::{OpenInNotebook, open};
use crate::rest::staging_jobs::{AddToVolume, start_staging};
use crate::select::selection_of;
use crate::words::t;

/// The form behind a portal's button.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ClickForm {
    #[serde(deserialize_with = "once")]
    action: Option<String>,
    asset: Vec<String>,
    #[serde(deserialize_with = "once")]
    archive: Option<String>,
    name: Vec<String>,
    #[serde(deserialize_with = "once")]
    adql: Option<String>,
    #[serde(deserialize_with = "once")]
    job: Option<String>,
    #[serde(deserialize_with = "once")]
    release: Option<String>,
    #[serde(deserialize_with = "once")]
    portal: Option<String>,
    #[serde(rename = "return", deserialize_with = "once")]
    back: Option<String>,
    #[serde(deserialize_with = "once")]
    handover: Option<String>,
}

impl ClickForm {
    fn wanted(&self) -> Wanted {
        Wanted {
            assets: self.asset.clone(),
            archive: self.archive.clone(),
            names: self.name.clone(),
            adql: self.adql.clone(),
            job: self.job.clone(),
            release: self.release.clone(),
        }
    }
}

/// How many characters of what a portal calls its page are shown.
const LABEL_CHARS: usize = 100;

/// Keeps a click on another site's button and leads to the page that asks about it.
pub(crate) async fn click(
    State(app): State<App>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Problem> {
    let form: ClickForm = read_form(&read_body(request, CLICK_BYTES).await?)?;
    let origin = named_origin(&app, &headers);
    let (mut action, mut wanted) = (form.action.clone(), form.wanted());
    let (mut signed, mut note) = (None, None);
    match hand_over(&app, &form, origin.as_deref())? {
        Some(Ok(handover)) => {
            action = Some(handover.action.clone());
            wanted = handover.wanted.clone();
            signed = Some(handover);
        }
        Some(Err(why)) => note = Some(why),
        None => {}
    }
    let action = action
        .filter(|action| ACTIONS.contains(&action.as_str()))
        .ok_or_else(|| {
            let why = format!("say `action=`, one of {}", ACTIONS.join(", "));
            Problem::new(&BAD_REQUEST, why)
        })?;
    wanted.check()?;
    let origin = signed
        .as_ref()
        .map(|handover| handover.signed.portal.clone())
        .or(origin);
    let known = origin.as_deref().and_then(|origin| app.portals.get(origin));
    let click = Click {
        wanted,
        label: known
            .and(form.portal)
            .map(|label| label.chars().take(LABEL_CHARS).collect()),
        back: app.portals.way_back(form.back.as_deref()),
        origin: origin.clone(),
        signed: signed.as_ref().map(|handover| handover.signed.clone()),
        note,
    };
    let counted = known.map_or("other", |portal| portal.origin.as_str());
    app.store.count_click(counted, &action).await?;
    let id = keep(&app, &action, &click, signed.as_ref()).await?;
    let to = Redirect::to(&format!("/portal/intents/{id}"));
    Ok(([(header::CACHE_CONTROL, "no-store")], to).into_response())
}

/// The site that the browser says the click came from; this service itself is none.
fn named_origin(app: &App, headers: &HeaderMap) -> Option<String> {
    let named = headers.get(header::ORIGIN)?.to_str().ok()?;
    Source::of(app, named).map(|source| source.origin)
}

/// What the portal signed, or why that does not count where the form says the same without a signature.
fn hand_over(
    app: &App,
    form: &ClickForm,
    origin: Option<&str>,
) -> Result<Option<Result<Handover, String>>, Problem> {
    let Some(token) = &form.handover else {
        return Ok(None);
    };
    let unsigned = form.wanted();
    match handover::read(&app.portals, token, (app.public_url().as_str(), origin)) {
        Ok(read) => {
            let says_otherwise = !unsigned.is_empty() && unsigned != read.wanted;
            let does_otherwise = form
                .action
                .as_ref()
                .is_some_and(|action| *action != read.action);
            if says_otherwise || does_otherwise {
                let why = "the form and its signed hand-over say different things";
                return Err(Problem::new(&UNPROCESSABLE, why));
            }
            Ok(Some(Ok(read)))
        }
        Err(why) if unsigned.is_empty() => {
            let why = format!("the hand-over does not count: {why}");
            Err(Problem::new(&UNPROCESSABLE, why))
        }
        Err(why) => Ok(Some(Err(why))),
    }
}

async fn keep(
    app: &App,
    action: &str,
    click: &Click,
    handover: Option<&Handover>,
) -> Result<String, Problem> {
    let body = serde_json::to_string(click).map_err(|error| Problem::internal(&error))?;
    let limits = &app.config.intents;
    let new = NewIntent {
        action,
        body: &body,
        lasts_s: i64::from(limits.lasts_s),
        max_intents: limits.max,
        max_bytes: limits.max_bytes,
    };
    let handover = handover.map(|handover| NewHandover {
        portal: &handover.signed.portal,
        jti: &handover.jti,
        content_hash: &handover.content_hash,
        expires: handover.expires,
    });
    match app.store.keep_intent(new, handover).await? {
        Kept::As(id) => Ok(id),
        Kept::Replayed => Err(Problem::new(
            &UNPROCESSABLE,
            "the hand-over does not count: its `jti` was used for another one",
        )),
        Kept::Full => Err(Problem::new(
            &BUSY,
            "too many clicks wait to be confirmed; press the button again in a few minutes",
        )),
    }
}

/// The path of a click.
#[derive(Deserialize)]
pub(crate) struct IntentPath {
    id: String,
}

/// Asks about a click, or leads to what it started.
pub(crate) async fn show(
    State(app): State<App>,
    caller: Option<Caller>,
    method: Method,
    headers: HeaderMap,
    FromPath(path): FromPath<IntentPath>,
) -> Result<Response, Problem> {
    let Some(caller) = caller else {
        return Err(match app.store.has_intent(&path.id).await? {
            true => Problem::not_logged_in(),
            false => gone(),
        });
    };
    let intent = app.store.intent(&path.id, &caller.user.id).await;
    let intent = intent.map_err(gone_if_missing)?;
    if let Some(page) = &intent.leads_to {
        return Ok(Redirect::to(page).into_response());
    }
    let mut click = read(&intent)?;
    click.wanted = with_query(&app, click.wanted).await?;
    let (ids, missing) = look_up(&app, &click.wanted).await?;
    // Whatever only looks at the address must start nothing.
    let is_visit = method == Method::GET && !headers.contains_key("sec-purpose");
    if is_visit && missing.is_empty() && goes_unasked(&app, &caller, &click, &ids).await? {
        let page = carry_out(&app, &caller, &intent.id, Chosen::default()).await?;
        return Ok(Redirect::to(&page).into_response());
    }
    let query = click.wanted.adql.as_ref().map(|adql| AskedQuery {
        archive: click.wanted.archive.clone().unwrap_or_default(),
        adql: adql.clone(),
    });
    let note = click.note.as_ref().map(|why| {
        t("The portal's signature does not count: {why}.")
            .with("why", why)
            .to_string()
    });
    let question = Question {
        action: action(&intent)?,
        ids,
        missing,
        query,
        from: source(&app, &click),
        notes: note.into_iter().collect(),
        post_to: Some(format!("/portal/intents/{}", intent.id)),
        cancel_href: click.back.unwrap_or_else(|| "/".to_owned()),
    };
    let page = ask(&app, Some(&caller), question).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], page).into_response())
}

fn source(app: &App, click: &Click) -> Option<Source> {
    let mut source = Source::of(app, click.origin.as_deref()?)?;
    if let Some(label) = &click.label {
        source.title = format!("{} · {label}", source.title);
    }
    Some(source)
}

fn action(intent: &Intent) -> Result<&'static str, Problem> {
    let known = ACTIONS.into_iter().find(|known| *known == intent.action);
    known.ok_or_else(gone)
}

fn read(intent: &Intent) -> Result<Click, Problem> {
    serde_json::from_str(&intent.body).map_err(|error| Problem::internal(&error))
}

fn gone() -> Problem {
    Problem::new(
        &INTENT_GONE,
        "this click is not kept, or it is somebody else's; go back to the archive's page and press the button again",
    )
}

fn gone_if_missing(error: StoreError) -> Problem {
    match error {
        StoreError::NotFound { .. } => gone(),
        error => error.into(),
    }
}

/// Whether a click is carried out without asking: signed by a trusted portal, for the pseudonym of who is logged in,
/// about what is there and not more than the portal may hand over.
async fn goes_unasked(
    app: &App,
    caller: &Caller,
    click: &Click,
    ids: &[AssetId],
) -> Result<bool, Problem> {
    let Some(Signed {
        portal,
        subject_hash,
    }) = &click.signed
    else {
        return Ok(false);
    };
    let Some(portal) = app.portals.get(portal).filter(|portal| portal.trusted) else {
        return Ok(false);
    };
    if ids.is_empty() || app.store.live_assets(ids).await?.len() != ids.len() {
        return Ok(false);
    }
    let user = &caller.user;
    let selection = selection_of(app, Some(user), &click.wanted.take(ids)).await?;
    let is_small = selection
        .size_bytes
        .is_some_and(|bytes| bytes <= portal.max_bytes);
    Ok(is_small
        && app
            .store
            .is_portal_subject(&portal.origin, subject_hash, &user.id)
            .await?)
}

/// The form that confirms a click.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct ConfirmForm {
    #[serde(deserialize_with = "once")]
    csrf: Option<String>,
    #[serde(deserialize_with = "once")]
    volume: Option<String>,
    #[serde(deserialize_with = "once")]
    lab: Option<String>,
}

/// Where to, and with what.
#[derive(Default)]
struct Chosen {
    volume: Option<String>,
    lab: Option<String>,
}

/// Carries a click out and leads to the page of what it started; twice is once.
pub(crate) async fn confirm(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<IntentPath>,
    FromForm(form): FromForm<ConfirmForm>,
) -> Result<Response, Problem> {
    caller.check_form(form.csrf.as_deref())?;
    let chosen = Chosen {
        volume: form.volume,
        lab: form.lab,
    };
    let page = carry_out(&app, &caller, &path.id, chosen).await?;
    let confirmed = app.store.intent(&path.id, &caller.user.id).await?;
    if let Some(signed) = read(&confirmed)?.signed {
        let (portal, subject) = (&signed.portal, &signed.subject_hash);
        app.store
            .bind_portal_subject(portal, subject, &caller.user.id)
            .await?;
    }
    Ok(Redirect::to(&page).into_response())
}

/// The name of what a click starts, in the record of what was answered.
const ROUTE: &str = "portal-intent";

async fn carry_out(
    app: &App,
    caller: &Caller,
    id: &str,
    chosen: Chosen,
) -> Result<String, Problem> {
    let user = caller.may("staging")?;
    let intent = app
        .store
        .intent(id, &user.id)
        .await
        .map_err(gone_if_missing)?;
    if intent.action == "open-in-notebook" {
        caller.may("datalabs")?;
    }
    let intent = app
        .store
        .claim_intent(id, &user.id)
        .await
        .map_err(gone_if_missing)?;
    if let Some(page) = intent.leads_to {
        return Ok(page);
    }
    match app.store.idempotent(&user.id, ROUTE, id, "").await? {
        Idempotent::First => {}
        Idempotent::Answered { answer, .. } => return Ok(answer),
        Idempotent::Running | Idempotent::OtherBody => return wait_for(app, id, user).await,
    }
    let started = start(app, user, &intent, chosen).await;
    let answer = started.as_ref().ok().map(|page| (303, page.as_str()));
    app.store.keep_answer(&user.id, ROUTE, id, answer).await?;
    let page = started?;
    app.store.keep_where_intent_led(id, &page).await?;
    app.store
        .audit(Some(&user.id), "intent.confirm", id)
        .await?;
    Ok(page)
}

/// Starts the job or the datalab, and names its page.
async fn start(app: &App, user: &User, intent: &Intent, chosen: Chosen) -> Result<String, Problem> {
    let wanted = with_query(app, read(intent)?.wanted).await?;
    let (ids, _) = look_up(app, &wanted).await?;
    let ids: Vec<AssetId> = {
        let there = app.store.live_assets(&ids).await?;
        let there: std::collections::HashSet<_> =
            there.into_iter().map(|record| record.asset.id).collect();
        ids.into_iter().filter(|id| there.contains(id)).collect()
    };
    let take = wanted.take(&ids);
    if take.adql.is_none() && ids.is_empty() {
        return Err(Problem::new(
            &UNPROCESSABLE,
            "none of the products is there any more",
        ));
    }
    if action(intent)? == "open-in-notebook" {
        let asked = OpenInNotebook {
            take,
            lab: chosen.lab,
            volume: chosen.volume,
            ..OpenInNotebook::default()
        };
        let (datalab, _) = open(app, user, &asked).await?;
        return Ok(format!("/datalabs/{}", datalab.id));
    }
    let asked = AddToVolume {
        take,
        volume: chosen
            .volume
            .unwrap_or_else(|| gantry_staging::WORKSPACE.to_owned()),
        ..AddToVolume::default()
    };
    let job = start_staging(app, user, &asked).await?;
    Ok(format!("/staging-jobs/{}", job.id))
}

/// How often, and how many times, the first of two presses is waited for by the second.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const LOOKS: u32 = 200;

async fn wait_for(app: &App, id: &str, user: &User) -> Result<String, Problem> {
    for _ in 0..LOOKS {
        tokio::time::sleep(LOOK_EVERY).await;
        let intent = app
            .store
            .intent(id, &user.id)
            .await
            .map_err(gone_if_missing)?;
        if let Some(page) = intent.leads_to {
            return Ok(page);
        }
    }
    Err(Problem::new(
        &BUSY,
        "what this click starts is still being started; load the page again in a moment",
    ))
}
