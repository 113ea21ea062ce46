//! `gantry portal-check`: tries a portal's buttons and hand-over from outside, for the portal's own CI.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use gantry_net::{Client, HeaderValue, Limits, Method, Net, NetError, Request, Scope, header};
use serde_json::{Value, json};
use url::Url;

use super::check::{Checked, print};
use super::output::Output;
use crate::config::Config;
use crate::portal::page::Found;

/// The arguments of `portal-check`.
#[derive(Args)]
pub(super) struct PortalCheckArgs {
    /// A page of the portal with its buttons.
    url: Url,
    /// The Gantry that they lead to; where the page's own links lead by default.
    #[arg(long)]
    gantry: Option<Url>,
    /// A file with a signed hand-over, to be tried too; it is used up by that.
    #[arg(long)]
    handover: Option<PathBuf>,
}

const PAGE_BYTES: u64 = 8 << 20;

type Tried = Result<String, String>;

pub(super) async fn run(
    args: PortalCheckArgs,
    config: Config,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let net = Net::new(config.net)?;
    let client = client(&net, &args.url);
    let mut checks = Vec::new();
    let mut say = |what: &str, result: Tried| {
        checks.push(Checked {
            what: what.to_owned(),
            result,
        });
    };
    let page = match read_page(&client, &args.url).await {
        Ok(page) => page,
        Err(why) => {
            say("page", Err(why));
            return print(&checks, output);
        }
    };
    say("page", Ok(format!("{} answers", args.url)));
    let found = Found::on(&page.html, &args.url);
    say("buttons", buttons(&found));
    say("without the script", plain(&found));
    say("script", script(&found));
    let named = args.gantry.map(|mut gantry| {
        let path = format!("{}/", gantry.path().trim_end_matches('/'));
        gantry.set_path(&path);
        gantry
    });
    let Some(gantry) = named.or_else(|| found.gantry()) else {
        say(
            "Gantry",
            Err("nothing on the page leads to a Gantry; name it with --gantry".to_owned()),
        );
        return print(&checks, output);
    };
    say("content policy", policy(page.policy.as_deref(), &gantry));
    say("referrer policy", referrer(page.referrer.as_deref()));
    let asked = self::client(&net, &gantry);
    say("Gantry", answers(&asked, &gantry).await);
    say("identifiers", identifiers(&asked, &gantry, &found).await);
    if let Some((archive, name)) = found.named.first() {
        let form = [
            ("action", "add-to-volume"),
            ("archive", archive),
            ("name", name),
        ];
        say("a click", click(&asked, (&gantry, &args.url), &form).await);
    }
    if let Some(file) = &args.handover {
        let token = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read `{}`", file.display()))?;
        let form = [("handover", token.trim())];
        say(
            "hand-over",
            click(&asked, (&gantry, &args.url), &form).await,
        );
    }
    print(&checks, output)
}

fn client(net: &Net, url: &Url) -> Client {
    let mut scope = Scope::new("portal-check", [url]);
    scope.limits = Limits {
        attempts: 2,
        max_redirects: 0,
        ..Limits::default()
    };
    net.client(scope)
}

/// A page, and what its headers say.
struct Page {
    html: String,
    policy: Option<String>,
    referrer: Option<String>,
}

async fn read_page(client: &Client, url: &Url) -> Result<Page, String> {
    let mut answer = client.get(url).await.map_err(|error| error.to_string())?;
    if !answer.is_html().await.map_err(|error| error.to_string())? {
        return Err(format!("{url} is no page of HTML"));
    }
    let said = |name| {
        answer
            .headers()
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let policy = said(header::CONTENT_SECURITY_POLICY).map(ToOwned::to_owned);
    let referrer = said(header::REFERRER_POLICY).map(ToOwned::to_owned);
    let bytes = answer
        .bytes(PAGE_BYTES)
        .await
        .map_err(|error| error.to_string())?;
    Ok(Page {
        html: String::from_utf8_lossy(&bytes).into_owned(),
        policy,
        referrer,
    })
}

fn buttons(found: &Found) -> Tried {
    match (found.n_elements, found.plain.len()) {
        (0, 0) => Err("no button, link or form leads to a Gantry".to_owned()),
        (elements, plain) => Ok(format!(
            "{elements} elements of the kit, {plain} links and forms"
        )),
    }
}

fn plain(found: &Found) -> Tried {
    if found.plain.is_empty() {
        let why = "no plain link or form leads to Gantry, so that nothing works where the script does not run; put an <a href> into each button";
        return Err(why.to_owned());
    }
    Ok("plain links or forms are there".to_owned())
}

fn script(found: &Found) -> Tried {
    let Some((url, has_integrity)) = found.scripts.first() else {
        return match found.n_elements {
            0 => Ok("none, and none is needed".to_owned()),
            _ => Err("the elements of the kit need its script".to_owned()),
        };
    };
    let is_moving = url.path().contains("/portal/v1/");
    match (is_moving, has_integrity) {
        (true, true) => Err(format!(
            "{url} changes with Gantry, so its `integrity` will not fit some day; leave it out, or take /portal/gantry-X.Y.Z.js"
        )),
        (false, false) => Err(format!(
            "{url} never changes; say its `integrity` and `crossorigin`"
        )),
        _ => Ok(url.to_string()),
    }
}

/// Whether the page's own policy lets it load the script, ask Gantry, and lead there.
fn policy(policy: Option<&str>, gantry: &Url) -> Tried {
    let Some(policy) = policy else {
        return Ok("the page has none".to_owned());
    };
    let directives: BTreeMap<&str, Vec<&str>> = policy
        .split(';')
        .filter_map(|directive| {
            let mut words = directive.split_whitespace();
            Some((words.next()?, words.collect()))
        })
        .collect();
    for (name, or, path) in [
        ("script-src", Some("default-src"), "portal/v1/gantry.js"),
        ("connect-src", Some("default-src"), "api/v1/assets/resolve"),
        ("form-action", None, "portal/selections"),
    ] {
        let sources = directives.get(name).or_else(|| directives.get(or?));
        let wanted = gantry.join(path).map_err(|error| error.to_string())?;
        if sources.is_some_and(|sources| !sources.iter().any(|source| lets(source, &wanted))) {
            return Err(format!(
                "`{name}` of its Content-Security-Policy does not have {}",
                gantry.origin().ascii_serialization()
            ));
        }
    }
    Ok("lets Gantry's script run, ask and lead there".to_owned())
}

/// Whether a source of a policy matches an address (Content Security Policy Level 3, 6.7.2.8): a path that ends with a
/// slash matches what is below it.
fn lets(source: &str, wanted: &Url) -> bool {
    let scheme = source.strip_suffix(':');
    if source == "*" || scheme == Some(wanted.scheme()) {
        return true;
    }
    Url::parse(source).is_ok_and(|source| {
        let path = source.path();
        let is_below = path.ends_with('/') && wanted.path().starts_with(path);
        source.origin() == wanted.origin() && (is_below || path == wanted.path())
    })
}

fn referrer(policy: Option<&str>) -> Tried {
    match policy {
        Some("no-referrer") => Err(
            "with `Referrer-Policy: no-referrer` the browser does not say which portal it was; use `strict-origin-when-cross-origin`"
                .to_owned(),
        ),
        Some(policy) => Ok(policy.to_owned()),
        None => Ok("the browser's own".to_owned()),
    }
}

async fn answers(client: &Client, gantry: &Url) -> Tried {
    let url = gantry
        .join("status.json")
        .map_err(|error| error.to_string())?;
    let answer = client.get(&url).await.map_err(|error| error.to_string())?;
    let bytes = answer
        .bytes(PAGE_BYTES)
        .await
        .map_err(|error| error.to_string())?;
    let status: Value =
        serde_json::from_slice(&bytes).map_err(|error| format!("{url}: {error}"))?;
    let version = status["version"].as_str().unwrap_or("?");
    Ok(format!("{gantry} answers, version {version}"))
}

async fn identifiers(client: &Client, gantry: &Url, found: &Found) -> Tried {
    if found.named.is_empty() {
        return Ok("none stand in the page itself".to_owned());
    }
    let mut by_archive: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (archive, name) in &found.named {
        by_archive.entry(archive).or_default().push(name);
    }
    let url = gantry
        .join("api/v1/assets/resolve")
        .map_err(|error| error.to_string())?;
    let mut missing = Vec::new();
    for (archive, names) in by_archive {
        let body = json!({"archive": archive, "names": names}).to_string();
        let request = Request::new(Method::POST, url.clone()).body("application/json", body);
        let answer = client
            .request(request)
            .await
            .map_err(|error| error.to_string())?;
        let bytes = answer
            .bytes(PAGE_BYTES)
            .await
            .map_err(|error| error.to_string())?;
        let answer: Value = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        let rows = answer["assets"].as_array().cloned().unwrap_or_default();
        let unknown = rows.iter().filter(|row| row["state"] != "available");
        missing.extend(unknown.map(|row| {
            let text = |key: &str| row[key].as_str().unwrap_or("?").to_owned();
            format!("{archive}:{} is {}", text("name"), text("state"))
        }));
    }
    match missing.as_slice() {
        [] => Ok(format!("all {} are known", found.named.len())),
        some => Err(some.iter().take(10).cloned().collect::<Vec<_>>().join("; ")),
    }
}

/// Sends what a button sends, as a page of the portal does; Gantry keeps it and leads on.
async fn click(client: &Client, (gantry, page): (&Url, &Url), form: &[(&str, &str)]) -> Tried {
    let url = gantry
        .join("portal/selections")
        .map_err(|error| error.to_string())?;
    let form: Vec<(String, String)> = form
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let origin = HeaderValue::try_from(page.origin().ascii_serialization())
        .map_err(|error| error.to_string())?;
    let request = Request::new(Method::POST, url)
        .form(&form)
        .header(header::ORIGIN, origin);
    match client.request(request).await {
        // It leads to where the user logs in and confirms.
        Err(NetError::TooManyRedirects { .. }) => Ok("is kept, and leads to its page".to_owned()),
        Err(NetError::Status {
            status, excerpt, ..
        }) => Err(format!("{status}: {excerpt}")),
        Err(error) => Err(error.to_string()),
        Ok(_) => Err("leads nowhere".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_of_the_help_page_lets_gantry_and_one_of_another_path_does_not() {
        let tried = |gantry: &str, text: &str| {
            let gantry = Url::parse(gantry).expect("an address");
            policy(Some(text), &gantry).is_ok()
        };
        let recipe = "script-src https://a.example/gantry/portal/; connect-src https://a.example; form-action https://a.example";
        assert!(tried("https://a.example/gantry/", recipe));
        assert!(!tried("https://a.example/", recipe));
        assert!(!tried("https://b.example/gantry/", recipe));
        assert!(tried(
            "https://b.example/",
            "default-src *; form-action https:"
        ));
        assert!(!tried(
            "https://b.example/",
            "default-src *; form-action 'self'"
        ));
        assert!(!tried(
            "https://b.example/gantry/",
            "connect-src https://b.example/gantry"
        ));
    }
}
