//! Names of objects of the sky, as a name service such as CDS's Sesame knows them.
//!
//! Only where `[names]` names one is it asked, with nothing but the name. What it answered is kept, what it did not know
//! for an hour; when it does not answer, a search is told so.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use gantry_formats::XmlLimits;
use gantry_formats::sesame::{Object, read_sesame};
use gantry_net::{Client, Limits, Net, Scope};
use lru::LruCache;
use url::Url;

use crate::problem::{ARCHIVE_UNAVAILABLE, Problem, UNPROCESSABLE};

/// How many names are kept, and for how long one that nobody knows.
const KEPT: NonZeroUsize = NonZeroUsize::new(5_000).unwrap();
const UNKNOWN_FOR: Duration = Duration::from_secs(3_600);

/// The longest name, and the longest answer.
const LONGEST: usize = 100;
const ANSWER_BYTES: u64 = 256 << 10;

/// The radius of a region about an object where none is typed, in degrees.
const RADIUS: &str = "1";

/// The name service.
pub(crate) struct Names {
    asked: Option<(Client, Url)>,
    known: Mutex<LruCache<String, (Instant, Option<Object>)>>,
}

impl Names {
    pub(crate) fn new(url: Option<&Url>, net: &Net) -> Self {
        let client = |url: &Url| {
            let mut scope = Scope::new("names", [url]);
            scope.limits = Limits {
                max_in_flight: 2,
                attempts: 2,
                headers: Duration::from_secs(5),
                ..Limits::default()
            };
            (net.client(scope), url.clone())
        };
        Self {
            asked: url.map(client),
            known: Mutex::new(LruCache::new(KEPT)),
        }
    }

    /// The region that a `pos` means which is no shape but a name, `M31` or `M31, 0.5` (degrees), and a sentence on it.
    pub(crate) async fn region(&self, pos: &str) -> Result<(String, String), Problem> {
        let (name, radius) = match pos.rsplit_once(',') {
            Some((name, radius)) => (name.trim(), radius.trim()),
            None => (pos.trim(), RADIUS),
        };
        let bad = |why: String| Problem::new(&UNPROCESSABLE, why);
        let radius: f64 = radius
            .parse()
            .ok()
            .filter(|r| (0.0..=180.0).contains(r))
            .ok_or_else(|| {
                bad(format!(
                    "pos=`{}`: behind the comma belongs a radius in degrees, as in `M31, 0.5`",
                    shown(pos)
                ))
            })?;
        let object = self.object(name).await?.ok_or_else(|| {
            bad(format!(
                "no object of the sky is called `{}`, says the name service",
                shown(name)
            ))
        })?;
        let (ra, dec) = (object.ra, object.dec);
        let said_by = format!(
            "{} {}",
            object.catalogue,
            object.name.as_deref().unwrap_or_default()
        );
        let sentence = format!(
            "{} is at {ra:.4} {dec:+.4} (ICRS; {})",
            shown(name),
            said_by.trim()
        );
        Ok((format!("CIRCLE {ra} {dec} {radius}"), sentence))
    }

    async fn object(&self, name: &str) -> Result<Option<Object>, Problem> {
        let Some((client, url)) = &self.asked else {
            let why =
                "is no CIRCLE, RANGE or POLYGON, and this service looks up no names of objects";
            return Err(Problem::new(
                &UNPROCESSABLE,
                format!("pos=`{}` {why}", shown(name)),
            ));
        };
        if name.is_empty() || name.len() > LONGEST {
            let why = format!("a name of an object has 1 to {LONGEST} characters");
            return Err(Problem::new(
                &UNPROCESSABLE,
                format!("pos=`{}`: {why}", shown(name)),
            ));
        }
        let key = name.to_lowercase();
        if let Some(known) = self.kept(&key) {
            return Ok(known);
        }
        let away = |why: String| {
            let text = format!(
                "the name service does not say where `{}` is: {why}",
                shown(name)
            );
            Problem::new(&ARCHIVE_UNAVAILABLE, text)
        };
        // Sesame takes the whole query as the name: options stand in the path.
        let mut asked = url.clone();
        asked.set_path(&format!("{}/-oxp/SNV", url.path().trim_end_matches('/')));
        asked.set_query(Some(&crate::format::encode(name).replace('+', "%20")));
        let answer = client
            .get(&asked)
            .await
            .map_err(|error| away(error.to_string()))?;
        let bytes = answer
            .bytes(ANSWER_BYTES)
            .await
            .map_err(|error| away(error.to_string()))?;
        let object = read_sesame(&bytes[..], XmlLimits::default());
        let object = object.map_err(|error| away(error.to_string()))?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.put(key, (Instant::now(), object.clone()));
        Ok(object)
    }

    fn kept(&self, key: &str) -> Option<Option<Object>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, object) = known.get(key)?;
        (object.is_some() || since.elapsed() < UNKNOWN_FOR).then(|| object.clone())
    }
}

/// Whether a `pos` is no shape, so that it may be a name.
pub(crate) fn is_name(pos: &str) -> bool {
    let first = pos.split_whitespace().next().unwrap_or_default();
    !["CIRCLE", "RANGE", "POLYGON"]
        .iter()
        .any(|shape| first.eq_ignore_ascii_case(shape))
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}
