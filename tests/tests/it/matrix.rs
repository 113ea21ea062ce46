//! Who may do what: every route of the interface and every page, asked by everybody.

use std::collections::BTreeSet;

use gantry_standin::{Fault, Times};
use gantry_tests::{Answer, Ask, Client, SCOPES, TestApp, product};
use serde_json::{Value, json};

use crate::text;

/// One route and the status each kind of caller gets.
struct Row {
    method: &'static str,
    /// As the interface's description or the router names it.
    route: &'static str,
    /// An address under it; what stands in braces is made anew for each row, and belongs to Ada.
    at: &'static str,
    /// The scopes that a token needs for it.
    needs: &'static [&'static str],
    /// JSON for the interface, a form's fields for a page.
    body: &'static str,
    /// Nobody; another user; an operator; Ada with a token for other things only; Ada.
    expects: [u16; 5],
}

const fn row(
    (method, route, at): (&'static str, &'static str, &'static str),
    needs: &'static [&'static str],
    body: &'static str,
    expects: [u16; 5],
) -> Row {
    Row {
        method,
        route,
        at,
        needs,
        body,
        expects,
    }
}

const SEARCH: &[&str] = &["search"];
const STAGING: &[&str] = &["staging"];
const READ: &[&str] = &["volumes:read"];
const WRITE: &[&str] = &["volumes:write"];
const LABS: &[&str] = &["datalabs"];
const BOTH: &[&str] = &["staging", "datalabs"];
const ADMIN: &[&str] = &["admin"];
const NONE: &[&str] = &[];

/// Everybody may.
const PUBLIC: [u16; 5] = [200; 5];
/// Everybody may, and a token that may not search says so.
const READING: [u16; 5] = [200, 200, 200, 403, 200];

/// A thing of Ada's is not there for others, operators among them.
const fn own(ada: u16) -> [u16; 5] {
    [401, 404, 404, 403, ada]
}

/// Everybody who is known may do so for themselves.
const fn each(status: u16) -> [u16; 5] {
    [401, status, status, 403, status]
}

/// Only operators may.
const fn operators(status: u16) -> [u16; 5] {
    [401, 403, status, 403, 403]
}

#[rustfmt::skip]
const INTERFACE: &[Row] = &[
    row(("GET", "/api/v1/assets", "/api/v1/assets?limit=2"), SEARCH, "", READING),
    row(("GET", "/api/v1/assets/suggest", "/api/v1/assets/suggest?q=pla"), NONE, "", PUBLIC),
    row(("POST", "/api/v1/assets/resolve", "/api/v1/assets/resolve"), NONE, r#"{"archive": "planck", "names": ["x"]}"#, PUBLIC),
    row(("GET", "/api/v1/assets/{id}", "/api/v1/assets/{asset}"), SEARCH, "", READING),
    row(("GET", "/api/v1/assets/{id}/files", "/api/v1/assets/{asset}/files"), SEARCH, "", READING),
    row(("GET", "/api/v1/assets/{id}/versions", "/api/v1/assets/{asset}/versions"), SEARCH, "", READING),
    row(("GET", "/api/v1/assets/{id}/related", "/api/v1/assets/{asset}/related"), SEARCH, "", READING),
    row(("GET", "/api/v1/assets/{id}/citation", "/api/v1/assets/{asset}/citation"), SEARCH, "", READING),
    row(("GET", "/api/v1/facets/{field}", "/api/v1/facets/band"), NONE, "", PUBLIC),
    row(("GET", "/api/v1/searches", "/api/v1/searches"), SEARCH, "", each(200)),
    row(("POST", "/api/v1/searches", "/api/v1/searches"), SEARCH, r#"{"search": "q=map"}"#, each(201)),
    row(("POST", "/api/v1/searches/{id}/seen", "/api/v1/searches/{search}/seen"), SEARCH, "", own(204)),
    row(("DELETE", "/api/v1/searches/{id}", "/api/v1/searches/{search}"), SEARCH, "", own(204)),
    row(("GET", "/api/v1/archives", "/api/v1/archives"), NONE, "", PUBLIC),
    row(("GET", "/api/v1/archives/{id}", "/api/v1/archives/planck"), NONE, "", PUBLIC),
    row(("POST", "/api/v1/archives/{id}/harvests", "/api/v1/archives/planck/harvests"), ADMIN, "", operators(202)),
    // The Planck Legacy Archive has no logins.
    row(("PUT", "/api/v1/archives/{id}/credentials", "/api/v1/archives/planck/credentials"), WRITE, r#"{"username": "a", "password": "b"}"#, each(422)),
    row(("DELETE", "/api/v1/archives/{id}/credentials", "/api/v1/archives/planck/credentials"), WRITE, "", each(204)),
    row(("GET", "/api/v1/harvests", "/api/v1/harvests"), NONE, "", PUBLIC),
    row(("GET", "/api/v1/harvests/{id}", "/api/v1/harvests/{harvest}"), NONE, "", PUBLIC),
    row(("GET", "/api/v1/harvests/{id}/rejections", "/api/v1/harvests/{harvest}/rejections"), NONE, "", PUBLIC),
    row(("POST", "/api/v1/harvests/{id}/accept-withdrawals", "/api/v1/harvests/{held harvest}/accept-withdrawals"), ADMIN, "", operators(200)),
    row(("POST", "/api/v1/selections", "/api/v1/selections"), SEARCH, r#"{"assets": ["{asset}"]}"#, each(201)),
    row(("GET", "/api/v1/selections/{id}", "/api/v1/selections/{selection}"), SEARCH, "", READING),
    row(("GET", "/api/v1/selections/{id}/citation", "/api/v1/selections/{selection}/citation"), SEARCH, "", READING),
    row(("POST", "/api/v1/selections/{id}/plan", "/api/v1/selections/{selection}/plan"), &["search", "volumes:read"], r#"{"volume": "workspace"}"#, each(200)),
    row(("POST", "/api/v1/add-to-volume", "/api/v1/add-to-volume"), STAGING, r#"{"assets": ["{asset}"], "volume": "workspace"}"#, each(202)),
    row(("GET", "/api/v1/staging-jobs", "/api/v1/staging-jobs"), STAGING, "", each(200)),
    row(("GET", "/api/v1/staging-jobs/{id}", "/api/v1/staging-jobs/{job}"), STAGING, "", own(200)),
    row(("DELETE", "/api/v1/staging-jobs/{id}", "/api/v1/staging-jobs/{job}"), STAGING, "", own(202)),
    row(("GET", "/api/v1/staging-jobs/{id}/files", "/api/v1/staging-jobs/{job}/files"), STAGING, "", own(200)),
    row(("GET", "/api/v1/staging-jobs/{id}/events", "/api/v1/staging-jobs/{job}/events"), STAGING, "", own(200)),
    row(("POST", "/api/v1/staging-jobs/{id}/retry", "/api/v1/staging-jobs/{aborted job}/retry"), STAGING, "", own(202)),
    row(("POST", "/api/v1/staging-jobs/{id}/hold", "/api/v1/staging-jobs/{job}/hold"), STAGING, "", own(202)),
    row(("POST", "/api/v1/staging-jobs/{id}/release", "/api/v1/staging-jobs/{held job}/release"), STAGING, "", own(202)),
    row(("GET", "/api/v1/volumes", "/api/v1/volumes"), READ, "", each(200)),
    row(("POST", "/api/v1/volumes", "/api/v1/volumes"), WRITE, r#"{"name": "{name}"}"#, each(201)),
    row(("GET", "/api/v1/volumes/{name}", "/api/v1/volumes/{volume}"), READ, "", own(200)),
    row(("PATCH", "/api/v1/volumes/{name}", "/api/v1/volumes/{volume}"), WRITE, r#"{"title": "Renamed"}"#, own(200)),
    row(("DELETE", "/api/v1/volumes/{name}", "/api/v1/volumes/{volume}"), WRITE, "", own(204)),
    row(("POST", "/api/v1/volumes/{name}/test", "/api/v1/volumes/{volume}/test"), WRITE, "", own(200)),
    row(("GET", "/api/v1/volume-kinds", "/api/v1/volume-kinds"), NONE, "", PUBLIC),
    row(("GET", "/api/v1/volumes/{name}/files", "/api/v1/volumes/{volume}/files"), READ, "", own(200)),
    row(("GET", "/api/v1/volumes/{name}/files/{path}", "/api/v1/volumes/{volume}/files/a.txt"), READ, "", own(200)),
    row(("HEAD", "/api/v1/volumes/{name}/files/{path}", "/api/v1/volumes/{volume}/files/a.txt"), READ, "", own(200)),
    row(("PUT", "/api/v1/volumes/{name}/files/{path}", "/api/v1/volumes/{volume}/files/b.txt"), WRITE, "text", own(201)),
    row(("POST", "/api/v1/volumes/{name}/files/{path}", "/api/v1/volumes/{volume}/files/a.txt"), WRITE, r#"{"action": "move", "to": "c.txt"}"#, own(201)),
    row(("DELETE", "/api/v1/volumes/{name}/files/{path}", "/api/v1/volumes/{volume}/files/a.txt"), WRITE, "", own(204)),
    row(("POST", "/api/v1/open-in-notebook", "/api/v1/open-in-notebook"), BOTH, r#"{"assets": ["{asset}"]}"#, each(202)),
    row(("GET", "/api/v1/labs", "/api/v1/labs"), NONE, "", PUBLIC),
    row(("GET", "/api/v1/labs/{namespace}/{name}", "/api/v1/labs/sepp/jupyterlab"), NONE, "", PUBLIC),
    row(("GET", "/api/v1/datalabs", "/api/v1/datalabs"), LABS, "", each(200)),
    row(("POST", "/api/v1/datalabs", "/api/v1/datalabs"), LABS, r#"{"lab": "sepp/jupyterlab:v1"}"#, each(202)),
    row(("GET", "/api/v1/datalabs/{id}", "/api/v1/datalabs/{datalab}"), LABS, "", own(200)),
    row(("DELETE", "/api/v1/datalabs/{id}", "/api/v1/datalabs/{datalab}"), LABS, "", own(202)),
    row(("GET", "/api/v1/datalabs/{id}/logs", "/api/v1/datalabs/{datalab}/logs"), LABS, "", own(200)),
    row(("GET", "/api/v1/datalabs/{id}/events", "/api/v1/datalabs/{datalab}/events"), LABS, "", own(200)),
    row(("POST", "/api/v1/datalabs/{id}/extend", "/api/v1/datalabs/{datalab}/extend"), LABS, r#"{"seconds": 60}"#, own(200)),
    row(("GET", "/api/v1/me", "/api/v1/me"), NONE, "", [401, 200, 200, 200, 200]),
    // It is not said that it is meant.
    row(("DELETE", "/api/v1/me", "/api/v1/me"), ADMIN, "", each(422)),
    row(("GET", "/api/v1/me/export", "/api/v1/me/export"), ADMIN, "", each(200)),
    row(("GET", "/api/v1/tokens", "/api/v1/tokens"), ADMIN, "", each(200)),
    row(("POST", "/api/v1/tokens", "/api/v1/tokens"), ADMIN, r#"{"name": "mine", "scopes": ["search"]}"#, each(201)),
    row(("DELETE", "/api/v1/tokens/{id}", "/api/v1/tokens/{token}"), ADMIN, "", own(204)),
    row(("GET", "/api/v1/audit", "/api/v1/audit"), ADMIN, "", operators(200)),
    row(("GET", "/api/v1/users", "/api/v1/users"), ADMIN, "", operators(200)),
];

/// A page for those who are known: nobody is sent to log in.
const fn known(others: u16, ada: u16) -> [u16; 5] {
    [303, others, others, 403, ada]
}

#[rustfmt::skip]
const PAGES: &[Row] = &[
    row(("GET", "/", "/?q=planck"), NONE, "", PUBLIC),
    row(("GET", "/assets/{id}", "/assets/{asset}"), SEARCH, "", READING),
    row(("GET", "/facets/{field}", "/facets/band"), NONE, "", PUBLIC),
    row(("GET", "/searches", "/searches"), SEARCH, "", known(200, 200)),
    row(("POST", "/searches", "/searches"), SEARCH, "search=q%3Dmap", each(303)),
    row(("POST", "/searches/{id}/seen", "/searches/{search}/seen"), SEARCH, "", own(303)),
    row(("POST", "/searches/{id}/forget", "/searches/{search}/forget"), SEARCH, "", own(303)),
    row(("GET", "/selections/{id}", "/selections/{selection}"), SEARCH, "", READING),
    row(("POST", "/selections", "/selections"), STAGING, "asset={asset}&action=add-to-volume", [303, 303, 303, 403, 303]),
    row(("GET", "/open-in-notebook", "/open-in-notebook?asset={asset}"), NONE, "", PUBLIC),
    row(("GET", "/add-to-volume", "/add-to-volume?asset={asset}"), NONE, "", PUBLIC),
    row(("POST", "/portal/selections", "/portal/selections"), NONE, "asset={asset}&action=add-to-volume", [303; 5]),
    row(("GET", "/portal/intents/{id}", "/portal/intents/{intent}"), NONE, "", [303, 200, 200, 200, 200]),
    // Whoever confirms it first has it.
    row(("POST", "/portal/intents/{id}", "/portal/intents/{intent}"), STAGING, "", [401, 303, 410, 403, 410]),
    row(("GET", "/volumes", "/volumes"), READ, "", known(200, 200)),
    row(("POST", "/volumes", "/volumes"), WRITE, "name={name}", each(303)),
    row(("GET", "/volumes/{name}", "/volumes/{volume}"), READ, "", known(404, 200)),
    row(("GET", "/volumes/{name}/preview", "/volumes/{volume}/preview?path=a.txt"), READ, "", known(404, 200)),
    // It is no picture.
    row(("GET", "/volumes/{name}/picture", "/volumes/{volume}/picture?path=a.txt"), READ, "", known(404, 400)),
    row(("GET", "/volumes/{name}/edit", "/volumes/{volume}/edit?path=a.txt"), READ, "", known(404, 200)),
    row(("POST", "/volumes/{name}/edit", "/volumes/{volume}/edit"), WRITE, "name=new.txt&text=x", own(303)),
    row(("POST", "/volumes/{name}/change", "/volumes/{volume}/change"), WRITE, "title=New", own(303)),
    row(("POST", "/volumes/{name}/test", "/volumes/{volume}/test"), WRITE, "", own(200)),
    row(("POST", "/volumes/{name}/new-folder", "/volumes/{volume}/new-folder"), WRITE, "name=f", own(303)),
    row(("POST", "/volumes/{name}/move-file", "/volumes/{volume}/move-file"), WRITE, "path=a.txt&to=b.txt", own(303)),
    row(("POST", "/volumes/{name}/delete", "/volumes/{volume}/delete"), WRITE, "", own(303)),
    row(("POST", "/volumes/{name}/delete-file", "/volumes/{volume}/delete-file"), WRITE, "path=a.txt", own(303)),
    row(("GET", "/labs", "/labs"), NONE, "", PUBLIC),
    row(("GET", "/labs/{namespace}/{name}", "/labs/sepp/jupyterlab"), NONE, "", PUBLIC),
    row(("GET", "/datalabs", "/datalabs"), LABS, "", known(200, 200)),
    row(("POST", "/datalabs", "/datalabs"), LABS, "lab=sepp/jupyterlab:v1", each(303)),
    row(("GET", "/datalabs/{id}", "/datalabs/{datalab}"), LABS, "", known(404, 200)),
    row(("GET", "/datalabs/{id}/open", "/datalabs/{datalab}/open"), LABS, "", known(404, 503)),
    row(("GET", "/datalabs/{id}/logs", "/datalabs/{datalab}/logs"), LABS, "", known(404, 200)),
    row(("POST", "/datalabs/{id}/extend", "/datalabs/{datalab}/extend"), LABS, "seconds=60", own(303)),
    row(("POST", "/datalabs/{id}/destroy", "/datalabs/{datalab}/destroy"), LABS, "", own(303)),
    row(("GET", "/staging-jobs", "/staging-jobs"), STAGING, "", known(200, 200)),
    row(("GET", "/staging-jobs/{id}", "/staging-jobs/{job}"), STAGING, "", known(404, 200)),
    row(("POST", "/staging-jobs/{id}/{action}", "/staging-jobs/{job}/abort"), STAGING, "", own(303)),
    row(("GET", "/archives", "/archives"), NONE, "", PUBLIC),
    row(("POST", "/archives/{id}/harvests", "/archives/planck/harvests"), ADMIN, "", operators(303)),
    row(("POST", "/archives/{id}/login", "/archives/planck/login"), WRITE, "username=", each(303)),
    row(("GET", "/harvests/{id}", "/harvests/{harvest}"), NONE, "", PUBLIC),
    row(("POST", "/harvests/{id}/accept-withdrawals", "/harvests/{held harvest}/accept-withdrawals"), ADMIN, "", operators(303)),
    row(("GET", "/login", "/login"), NONE, "", PUBLIC),
    // A wrong code is the login page again.
    row(("POST", "/login", "/login"), NONE, "code=wrong", PUBLIC),
    // No provider of that name is configured.
    row(("GET", "/login/{provider}", "/login/none"), NONE, "", [404; 5]),
    row(("GET", "/login/{provider}/callback", "/login/none/callback"), NONE, "", [404; 5]),
    row(("POST", "/logout", "/logout"), NONE, "", [401, 303, 303, 303, 303]),
    row(("GET", "/operator", "/operator"), ADMIN, "", [303, 403, 200, 403, 403]),
    row(("GET", "/operator/clicks.csv", "/operator/clicks.csv"), ADMIN, "", [303, 403, 200, 403, 403]),
    row(("GET", "/tokens", "/tokens"), ADMIN, "", known(200, 200)),
    row(("POST", "/tokens", "/tokens"), ADMIN, "name=mine&scope=search&days=1", each(200)),
    row(("POST", "/tokens/{id}/revoke", "/tokens/{token}/revoke"), ADMIN, "", own(303)),
    row(("GET", "/problems/{kind}", "/problems/asset-not-found"), NONE, "", PUBLIC),
    row(("GET", "/docs", "/docs"), NONE, "", PUBLIC),
    row(("GET", "/status", "/status"), NONE, "", PUBLIC),
    row(("GET", "/static/{file}", "/static/gantry.css"), NONE, "", PUBLIC),
    row(("GET", "/help", "/help"), NONE, "", PUBLIC),
    row(("GET", "/help/{topic}", "/help/portals"), NONE, "", PUBLIC),
    row(("GET", "/portal/v1/gantry.js", "/portal/v1/gantry.js"), NONE, "", PUBLIC),
    row(("GET", "/portal/conformance", "/portal/conformance"), NONE, "", PUBLIC),
    row(("GET", "/portal/{file}", "/portal/kit.json"), NONE, "", PUBLIC),
    row(("GET", "/healthz", "/healthz"), NONE, "", PUBLIC),
    row(("GET", "/readyz", "/readyz"), NONE, "", PUBLIC),
    row(("GET", "/status.json", "/status.json"), NONE, "", PUBLIC),
    row(("GET", "/metrics", "/metrics"), NONE, "", PUBLIC),
    row(("GET", "/openapi.json", "/openapi.json"), NONE, "", PUBLIC),
];

/// A Gantry at rest, with Ada, Bob and Olga, who operates it.
struct Scene {
    app: TestApp,
    ada: Client,
    bob: Client,
    olga: Client,
    n: usize,
}

impl Scene {
    async fn set() -> Self {
        let app = TestApp::builder().at_rest().start().await;
        let (ada, bob) = (app.user("ada").await, app.user("bob").await);
        let olga = app.operator("olga").await;
        Self {
            app,
            ada,
            bob,
            olga,
            n: 0,
        }
    }

    /// Fills in what stands in braces, made anew where it may be used up.
    async fn fill(&mut self, text: &str) -> String {
        let Some((before, rest)) = text.split_once('{') else {
            return text.to_owned();
        };
        let Some((thing, after)) = rest.split_once('}') else {
            return text.to_owned();
        };
        self.n += 1;
        let made = match thing {
            "asset" => product("HFI_SkyMap_100_NSIDE_R3.01_full"),
            "name" => format!("made-{}", self.n),
            "selection" => {
                let asset = product("HFI_SkyMap_100_NSIDE_R3.01_full");
                self.ada.select(&[&asset]).await
            }
            "job" => self.job().await,
            "held job" => {
                let job = self.job().await;
                let hold = format!("/api/v1/staging-jobs/{job}/hold");
                drop(self.ada.post(&hold, json!({})).await.is(202));
                job
            }
            "aborted job" => {
                let job = self.job().await;
                let abort = format!("/api/v1/staging-jobs/{job}");
                drop(self.ada.delete(&abort).await.is(202));
                job
            }
            "volume" => {
                let name = format!("of-ada-{}", self.n);
                drop(self.ada.clone().with_volume(&name).await);
                let file = format!("/api/v1/volumes/{name}/files/a.txt");
                drop(self.ada.put(&file, "a").await.is(201));
                name
            }
            "datalab" => {
                let lab = json!({"lab": "sepp/jupyterlab:v1"});
                self.made("/api/v1/datalabs", lab, 202).await
            }
            "intent" => self.intent().await,
            "search" => {
                let search = json!({"search": format!("q=map+{}", self.n)});
                self.made("/api/v1/searches", search, 201).await
            }
            "token" => {
                let token = json!({"name": "used up", "scopes": ["search"]});
                self.made("/api/v1/tokens", token, 201).await
            }
            "harvest" => {
                self.is_still().await;
                self.app.harvest().await.id
            }
            "held harvest" => self.held_harvest().await,
            // Braces of JSON.
            _ => return self.json(text).await,
        };
        format!("{before}{made}{after}")
    }

    async fn json(&mut self, text: &str) -> String {
        let mut filled = text.to_owned();
        for thing in ["{asset}", "{name}"] {
            if filled.contains(thing) {
                let made = Box::pin(self.fill(thing)).await;
                filled = filled.replace(thing, &made);
            }
        }
        filled
    }

    async fn made(&self, route: &str, body: Value, status: u16) -> String {
        let made = self.ada.post(route, body).await.is(status).json();
        text(&made, "/id").to_owned()
    }

    /// A click on a portal's button.
    async fn intent(&self) -> String {
        let asset = product("HFI_SkyMap_100_NSIDE_R3.01_full");
        let fields = [("action", "add-to-volume"), ("asset", asset.as_str())];
        let kept = self
            .app
            .nobody()
            .submit("/portal/selections", &fields)
            .await;
        let kept = kept.is(303);
        let to = kept.header("location").unwrap_or_default();
        to.rsplit('/').next().unwrap_or_default().to_owned()
    }

    async fn job(&self) -> String {
        let asset = product("HFI_SkyMap_100_NSIDE_R3.01_full");
        let body =
            json!({"assets": [asset], "volume": "workspace", "directory": format!("d{}", self.n)});
        self.made("/api/v1/add-to-volume", body, 202).await
    }

    /// A harvest that found more gone than may go without an operator.
    async fn held_harvest(&self) -> String {
        self.is_still().await;
        self.app.faults().clear();
        self.app.harvest().await;
        for stem in [
            "LFI_SkyMap_030-BPassCorrected_NSIDE_R3.00_full",
            "LFI_SkyMap_044-BPassCorrected_NSIDE_R3.00_full",
            "LFI_SkyMap_070-BPassCorrected_NSIDE_R3.00_full",
            "HFI_Mask_GalPlane-apo0_NSIDE_R2.00",
            "COM_CompMap_dust-commander_NSIDE_R2.00",
        ] {
            let id = product(stem);
            let name = id.strip_prefix("planck:").expect("an id of planck");
            self.app
                .faults()
                .set_for(name, Fault::Removed, Times::Always);
        }
        let harvest = self.app.harvest().await;
        assert_eq!(harvest.phase.as_str(), "HELD", "{harvest:?}");
        harvest.id
    }

    /// Waits until no harvest runs.
    async fn is_still(&self) {
        gantry_tests::eventually("no harvest runs", || async {
            let newest = self.olga.get("/api/v1/harvests?limit=1").await.json();
            newest["harvests"][0]["ended"].is_string().then_some(())
        })
        .await;
    }

    /// Nobody, Bob, Olga, Ada without a scope it needs, Ada with just those: each with a name and what they expect.
    async fn callers(&self, row: &Row, in_browser: bool) -> Vec<(&'static str, Client, u16)> {
        let [nobody, other, operator, lacking, ada] = row.expects;
        let mut callers = vec![("nobody", self.app.nobody(), nobody)];
        let (mut bob, mut olga) = (self.bob.clone(), self.olga.clone());
        let mut right = if row.needs.is_empty() {
            self.app.with_only(&self.ada, &["datalabs"]).await
        } else {
            self.app.with_only(&self.ada, row.needs).await
        };
        if in_browser {
            bob = self.app.in_browser(&bob).await;
            olga = self.app.in_browser(&olga).await;
            right = self.app.in_browser(&self.ada).await;
        }
        callers.push(("another user", bob, other));
        if row.needs.is_empty() {
            let unrelated = self.app.with_only(&self.ada, &["datalabs"]).await;
            callers.push(("an unrelated token", unrelated, lacking));
        }
        for missing in row.needs {
            let others: Vec<&str> = SCOPES
                .into_iter()
                .filter(|scope| scope != missing)
                .collect();
            let without = self.app.with_only(&self.ada, &others).await;
            callers.push(("a token for everything else", without, lacking));
        }
        // Whoever succeeds comes last, since that may use up what the row is about.
        if ada < 400 && operator >= 400 {
            callers.push(("an operator", olga, operator));
            callers.push(("ada", right, ada));
        } else {
            callers.push(("ada", right, ada));
            callers.push(("an operator", olga, operator));
        }
        callers
    }

    fn no_secret_is_in(&self, answer: &Answer, caller: &Client) {
        let text = format!("{:?}{}", answer.headers, answer.text());
        for client in [&self.ada, &self.bob, &self.olga, caller] {
            if let Some(secret) = client.secret() {
                assert!(!text.contains(secret), "{} shows a secret", answer.asked);
            }
        }
    }
}

fn interface_ask(caller: &Client, method: &str, at: &str, body: &str) -> Ask {
    let ask = caller.ask(method, at).csrf();
    if body.is_empty() {
        ask
    } else {
        ask.header("Content-Type", "application/json").body(body)
    }
}

fn page_ask(caller: &Client, row: &Row, at: &str, body: &str) -> Ask {
    let ask = caller.ask(row.method, at);
    if row.method == "GET" {
        return ask;
    }
    let fields: Vec<(String, String)> = url::form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect();
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    ask.signed_form(&fields)
}

#[tokio::test]
async fn every_route_of_the_interface_answers_everybody_as_the_table_says() {
    let mut scene = Scene::set().await;
    let mut wrong = Vec::new();
    for row in INTERFACE {
        let at = scene.fill(row.at).await;
        for (who, caller, expected) in scene.callers(row, false).await {
            let body = scene.fill(row.body).await;
            if row.route.ends_with("/harvests") {
                scene.is_still().await;
            }
            let ask = interface_ask(&caller, row.method, &at, &body);
            let answer = ask.send().await;
            if answer.status != expected {
                wrong.push(format!(
                    "{} {} by {who}: {} instead of {expected}: {}",
                    row.method,
                    row.route,
                    answer.status,
                    answer.text()
                ));
            }
            if answer.status >= 400 && row.method != "HEAD" {
                let problem = answer.any_problem();
                let has_page = problem["type"].as_str().unwrap().to_owned();
                drop(scene.app.nobody().get(&has_page).await.is(200));
            }
            scene.no_secret_is_in(&answer, &caller);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn every_page_answers_everybody_as_the_table_says() {
    let mut scene = Scene::set().await;
    let mut wrong = Vec::new();
    for row in PAGES {
        let at = scene.fill(row.at).await;
        for (who, caller, expected) in scene.callers(row, true).await {
            let body = scene.fill(row.body).await;
            if row.route.ends_with("/harvests") {
                scene.is_still().await;
            }
            let plain = page_ask(&caller, row, &at, &body);
            let answer = plain.clone().html().send().await;
            if answer.status != expected {
                wrong.push(format!(
                    "{} {} by {who}: {} instead of {expected}: {}",
                    row.method,
                    row.route,
                    answer.status,
                    answer.text().chars().take(300).collect::<String>()
                ));
            }
            scene.no_secret_is_in(&answer, &caller);
            let policy = answer.header("content-security-policy").unwrap_or_default();
            assert!(policy.starts_with("default-src 'none'"), "{}", answer.asked);
            if answer.status >= 400 {
                let media_type = answer.header("content-type").unwrap_or_default();
                assert!(media_type.starts_with("text/html"), "{}", answer.asked);
                assert!(answer.text().contains("urn:uuid:"), "{}", answer.text());
                let problem = plain.send().await.is(answer.status).any_problem();
                drop(problem);
            } else if who == "nobody" && row.method == "GET" && expected == 303 {
                let to = answer.header("location").unwrap_or_default().to_owned();
                assert!(to.starts_with("/login?next=%2F"), "{} → {to}", row.route);
                let _refused = plain.send().await.problem(401, "not-logged-in");
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn the_tables_have_every_route_and_method_and_no_other() {
    let app = TestApp::builder().at_rest().start().await;
    let document = app.nobody().get("/openapi.json").await.is(200).json();
    let mut described = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let method = method.to_ascii_uppercase();
            if ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"].contains(&method.as_str()) {
                described.insert((method, path.clone()));
            }
        }
    }
    let in_table = |table: &[Row]| -> BTreeSet<(String, String)> {
        let rows = table.iter();
        rows.map(|row| (row.method.to_owned(), row.route.to_owned()))
            .collect()
    };
    assert_eq!(described, in_table(INTERFACE), "/openapi.json, the table");
    let routed: BTreeSet<&str> = gantry_server::page_paths().into_iter().collect();
    let paths: BTreeSet<&str> = PAGES.iter().map(|row| row.route).collect();
    assert_eq!(routed, paths, "the router's pages, the table");
    let mut listed = in_table(INTERFACE);
    listed.extend(in_table(PAGES));
    for row in INTERFACE.iter().chain(PAGES) {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            if listed.contains(&(method.to_owned(), row.route.to_owned())) {
                continue;
            }
            let at = row.at.replace(['{', '}', ' '], "x");
            let answer = app.nobody().ask(method, &at).send().await;
            drop(answer.problem(405, "method-not-allowed"));
        }
    }
}

#[tokio::test]
async fn no_change_is_made_for_a_cookie_without_the_sessions_own_token() {
    let mut scene = Scene::set().await;
    let browser = scene.app.in_browser(&scene.ada).await;
    let olga = scene.app.in_browser(&scene.olga).await;
    let changes = INTERFACE
        .iter()
        .filter(|row| !matches!(row.method, "GET" | "HEAD"));
    for row in changes {
        // This one reads, and asks nobody who they are.
        if row.route == "/api/v1/assets/resolve" {
            continue;
        }
        let (at, body) = (scene.fill(row.at).await, scene.fill(row.body).await);
        let caller = if row.expects[2] < 400 {
            &olga
        } else {
            &browser
        };
        for wrong in [None, Some(""), Some("0000"), scene.ada.secret()] {
            let mut ask = caller.ask(row.method, &at).body(body.clone());
            if let Some(wrong) = wrong {
                ask = ask.header("X-CSRF-Token", wrong);
            }
            drop(ask.send().await.problem(403, "not-allowed"));
        }
    }
    for row in PAGES.iter().filter(|row| row.method == "POST") {
        // These come from elsewhere, and do nothing for the session.
        if matches!(row.route, "/login" | "/portal/selections") {
            continue;
        }
        let (at, body) = (scene.fill(row.at).await, scene.fill(row.body).await);
        let caller = if row.expects[2] < 400 {
            &olga
        } else {
            &browser
        };
        for wrong in ["", "&csrf=", "&csrf=0000"] {
            let ask = caller.ask("POST", &at).body(format!("{body}{wrong}"));
            drop(ask.send().await.problem(403, "not-allowed"));
        }
    }
}

#[tokio::test]
async fn no_body_however_ugly_breaks_a_route() {
    let mut scene = Scene::set().await;
    let deep = "[".repeat(100_000);
    let long = format!(r#"{{"volume": "{}"}}"#, "a".repeat(100_000));
    let bodies: Vec<&[u8]> = vec![
        b"",
        b"{",
        b"null",
        b"[]",
        b"0",
        b"\"text\"",
        b"\xff\xfe\x00",
        b"{\"assets\": null}",
        b"{\"assets\": 1}",
        b"{\"assets\": [1]}",
        b"{\"assets\": []}",
        b"{\"assets\": [\"\"], \"volume\": \"workspace\"}",
        b"{\"assets\": [\"planck:\\u0000\"], \"volume\": \"\\u0000\"}",
        b"{\"assets\": [\"planck:../../etc/passwd\"], \"volume\": \"..\"}",
        b"{\"search\": {\"facet\": [\"nothing\"]}}",
        b"{\"search\": {\"time\": \"never\"}}",
        b"{\"search\": {\"q\": \"((((\\\"\"}, \"volume\": \"workspace\", \"directory\": \"../..\"}",
        b"{\"any_of\": [{\"any_of\": [{\"any_of\": [{\"any_of\": [{\"any_of\": []}]}]}]}]}",
        b"{\"adql\": \"SELECT 1\"}",
        b"{\"datalink\": 5}",
        b"{\"selection\": \"sel_\", \"volume\": \"workspace\"}",
        b"{\"archive\": \"\", \"names\": [\"\", \"\\n\", \"~\", \"%\"]}",
        b"{\"archive\": \"planck\", \"names\": [\"\", \"\\n\", \"~\", \"%\", \"~~\", \"~~ZZ\"]}",
        b"{\"name\": \"../x\", \"path\": \"/etc\"}",
        b"{\"name\": \"\", \"scopes\": [\"root\"], \"lasts_s\": -9223372036854775808}",
        b"{\"name\": \"x\", \"scopes\": [\"search\"], \"lasts_s\": 9223372036854775807}",
        b"{\"seconds\": 18446744073709551615}",
        b"{\"title\": \"\"}",
        b"{\"action\": \"move\", \"to\": \"../../x\"}",
        b"{\"action\": \"move\", \"to\": \"a.txt/b\"}",
        b"{\"lab\": \"no/such\", \"volumes\": [{\"name\": \"none\"}], \"env\": {\"A=B\": \"\\u0000\"}, \"time_limit_s\": 18446744073709551615}",
        b"{\"lab\": \"sepp/jupyterlab:v1\", \"dry_run\": true, \"env\": {\"PATH\": \"x\", \"A=B\": \"c\"}}",
        deep.as_bytes(),
        long.as_bytes(),
    ];
    let forms: Vec<&[u8]> = vec![
        b"&&&=",
        b"asset=%00&asset=%ff&action=open-in-notebook",
        b"action=view&search=%26%3d&all=1",
        b"action=view&asset=planck:x",
        b"lab=%00&volume=none",
        b"path=../../x",
        b"name=%2e%2e",
        b"code=%00",
    ];
    let olga = scene.app.in_browser(&scene.olga).await;
    let ada = scene.app.in_browser(&scene.ada).await;
    for row in INTERFACE.iter().chain(PAGES) {
        if matches!(row.method, "GET" | "HEAD" | "DELETE") || row.route.ends_with("/harvests") {
            continue;
        }
        let at = scene.fill(row.at).await;
        let is_page = !row.route.starts_with("/api/");
        for body in if is_page { &forms } else { &bodies } {
            for caller in [&ada, &olga] {
                let mut body = body.to_vec();
                if is_page {
                    body.extend(format!("&csrf={}", caller.csrf().unwrap()).bytes());
                }
                let shown: String = String::from_utf8_lossy(&body).chars().take(80).collect();
                let answer = caller.ask(row.method, &at).csrf().body(body).send().await;
                assert!(
                    answer.status < 500,
                    "{} with {shown} → {}",
                    answer.asked,
                    answer.text()
                );
                if answer.status >= 400 {
                    let is_shown = answer
                        .header("content-type")
                        .is_some_and(|media_type| media_type.starts_with("text/html"));
                    // A form that cannot be taken is shown again.
                    if !is_shown {
                        drop(answer.any_problem());
                    }
                }
            }
        }
    }
}
