//! An archive in memory: files of any form, some of which stop coming until they are let go.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt};
use gantry_asset::{Algorithm, Asset, Checksum, File, Location, Query};
use gantry_connector::{
    Archive, ByteStream, Connector, HarvestError, Harvested, OpenError, Remarks, Resume, Since,
};
use gantry_net::{Circuit, Health, NetError, ShownUrl, Validator};
use tokio::sync::watch;

/// What goes wrong when a file is opened once; places are thousandths of what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// It is not sent, this time.
    Refused,
    /// A web page comes instead.
    Page,
    /// The archive says that it has no such file.
    Gone,
    /// It breaks off there.
    Cut(usize),
    /// It breaks off there, and another file stands in its place from then on.
    Replaced(usize),
    /// The byte there is another.
    Flip(usize),
    /// All of it comes, whatever was asked for, its length unsaid.
    WholeAgain,
    /// It ends there as if it were whole, its length unsaid.
    Short(usize),
}

/// One file of the archive, an asset of its own.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) asset: String,
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) path: Option<String>,
    pub(crate) md5: Option<String>,
    /// The size the catalogue has.
    pub(crate) listed: Option<u64>,
    /// The size the archive announces.
    pub(crate) announced: Option<u64>,
    /// Where it stops coming; at 0 it is not even opened.
    pub(crate) stalls_at: Option<usize>,
    /// Whether it is there when it is asked for.
    pub(crate) gone: bool,
    pub(crate) release: String,
    /// Whether it is a table, of which only answers to queries can be had.
    pub(crate) is_table: bool,
    /// The local id of the series it is a member of.
    pub(crate) series: Option<String>,
    /// What goes wrong when it is opened, one after the other.
    pub(crate) mishaps: VecDeque<Mishap>,
    /// What it is replaced with.
    pub(crate) other: Option<Vec<u8>>,
}

impl Held {
    pub(crate) fn new(name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        let size = Some(bytes.len() as u64);
        Self {
            asset: name.to_owned(),
            name: name.to_owned(),
            bytes,
            path: None,
            md5: None,
            listed: size,
            announced: size,
            stalls_at: None,
            gone: false,
            release: "PR3".to_owned(),
            is_table: false,
            series: None,
            mishaps: VecDeque::new(),
            other: None,
        }
    }

    /// What goes wrong this time, and what the file is meanwhile.
    fn next(&mut self) -> (Self, Option<Mishap>) {
        let mishap = self.mishaps.pop_front();
        let now = self.clone();
        if let Some(Mishap::Replaced(_)) = mishap
            && let Some(other) = self.other.take()
        {
            self.announced = Some(other.len() as u64);
            self.bytes = other;
        }
        (now, mishap)
    }

    fn file(&self) -> File {
        let checksum = |value: &String| Checksum {
            algorithm: Algorithm::Md5,
            value: value.clone(),
        };
        File {
            name: self.name.clone(),
            path: self.path.clone(),
            media_type: "application/octet-stream".to_owned(),
            size_bytes: self.listed,
            checksum: self.md5.as_ref().map(checksum),
            modified: None,
            locations: if self.is_table {
                Vec::new()
            } else {
                vec![
                    Location::Mounted(self.name.clone()),
                    Location::Address(format!("fake:{}", self.asset)),
                ]
            },
        }
    }

    fn asset(&self) -> Asset {
        let json = serde_json::json!({
            "id": format!("fake:{}", self.asset), "kind": "Information Product", "title": format!("Map & {{{}}}", self.asset),
            "facets": {"release": [self.release]},
        });
        let mut asset: Asset = serde_json::from_value(json).unwrap();
        asset.files = vec![self.file()];
        asset.series = self
            .series
            .as_ref()
            .map(|series| format!("fake:{series}").parse().unwrap());
        asset
    }
}

/// An archive in memory.
pub(crate) struct Fake {
    archive: Archive,
    held: Mutex<BTreeMap<String, Held>>,
    opened: Mutex<Vec<(String, u64)>>,
    /// The runs of queries it was asked to take up; `None` for a new one.
    runs: Mutex<Vec<Option<String>>>,
    /// How many bytes were taken from what it sends.
    sent: Arc<AtomicU64>,
    /// Whether it answers at all.
    gate: watch::Sender<bool>,
}

impl Fake {
    pub(crate) fn new(held: impl IntoIterator<Item = Held>) -> Self {
        let archive = Archive {
            id: "fake".parse().unwrap(),
            kind: "fake",
            title: "An archive in memory".to_owned(),
            home: "https://fake.example/".to_owned(),
            acknowledgement: "Based on nothing.".to_owned(),
            license: Some("CC0-1.0".to_owned()),
            publisher: "Nobody & Sons".to_owned(),
            asks: gantry_connector::Asks::default(),
        };
        let held = held.into_iter().map(|held| (held.asset.clone(), held));
        Self {
            archive,
            held: Mutex::new(held.collect()),
            opened: Mutex::default(),
            runs: Mutex::default(),
            sent: Arc::default(),
            gate: watch::Sender::new(true),
        }
    }

    /// Lets it answer, or not.
    pub(crate) fn answers(&self, answers: bool) {
        self.gate.send_replace(answers);
    }

    /// Changes one of its files.
    pub(crate) fn change(&self, asset: &str, change: impl FnOnce(&mut Held)) {
        change(self.held.lock().unwrap().get_mut(asset).unwrap());
    }

    /// The runs it was asked to take up so far; `None` for a new one.
    pub(crate) fn runs(&self) -> Vec<Option<String>> {
        self.runs.lock().unwrap().clone()
    }

    /// How many bytes were taken from what it sent so far.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// What was opened so far, and from which byte on.
    pub(crate) fn opened(&self) -> Vec<(String, u64)> {
        self.opened.lock().unwrap().clone()
    }
}

impl Connector for Fake {
    fn archive(&self) -> &Archive {
        &self.archive
    }

    fn harvest(&self, _: Since) -> BoxStream<'_, Result<Harvested, HarvestError>> {
        let held = self.held.lock().unwrap();
        let mut events: Vec<_> = held
            .values()
            .map(|held| Ok(Harvested::Asset(Box::new(held.asset()))))
            .collect();
        let series: BTreeSet<_> = held
            .values()
            .filter_map(|held| held.series.as_ref())
            .collect();
        events.extend(series.into_iter().map(|local| {
            let id = format!("fake:{local}").parse().unwrap();
            let series = Asset::new(id, gantry_asset::Kind::InformationData);
            Ok(Harvested::Asset(Box::new(series)))
        }));
        events.push(Ok(Harvested::ScopeComplete(String::new())));
        stream::iter(events).boxed()
    }

    fn open<'a>(
        &'a self,
        file: &'a File,
        resume: &'a Resume,
    ) -> BoxFuture<'a, Result<ByteStream, OpenError>> {
        let name = file.locations.iter().find_map(|location| match location {
            Location::Address(address) => address.strip_prefix("fake:"),
            // A query is the name of what answers it.
            Location::Query(query) => match query.as_ref() {
                Query::Adql(query) => Some(query.adql.as_str()),
                Query::Datalink(_) => None,
            },
            Location::Mounted(_) => None,
        });
        let mut all = self.held.lock().unwrap();
        let (held, mishap) = all.get_mut(name.unwrap()).unwrap().next();
        drop(all);
        if matches!(file.locations[..], [Location::Query(_)]) {
            self.runs.lock().unwrap().push(resume.run.clone());
            let run = resume.run.clone().unwrap_or_else(|| "run-1".to_owned());
            resume.runs.as_ref().unwrap().send(run).unwrap();
        }
        self.opened
            .lock()
            .unwrap()
            .push((held.asset.clone(), resume.from));
        let mut gate = self.gate.subscribe();
        let sent = Arc::clone(&self.sent);
        Box::pin(async move {
            gate.wait_for(|answers| *answers).await.unwrap();
            if held.stalls_at == Some(0) {
                std::future::pending::<()>().await;
            }
            if held.gone {
                return Err(OpenError::Gone {
                    archive: "fake".parse().unwrap(),
                    name: held.name,
                });
            }
            let mut answer = match mishap {
                Some(mishap) => stumbling(&held, resume, mishap)?,
                None => answer(&held, resume),
            };
            if resume.run.is_some() || held.name.starts_with("query") {
                answer.remarks.add("2 sources had no product");
                answer.remarks.set_rows(152);
            }
            let bytes = answer.bytes.inspect(move |chunk| {
                let n = chunk.as_ref().map_or(0, Bytes::len);
                sent.fetch_add(n as u64, Ordering::Relaxed);
            });
            answer.bytes = bytes.boxed();
            Ok(answer)
        })
    }

    fn health(&self) -> Health {
        Health {
            in_flight: 0,
            waiting: 0,
            circuit: Circuit::Closed,
            last_success: None,
            last_error: None,
            bytes_per_second: None,
        }
    }
}

fn answer(held: &Held, resume: &Resume) -> ByteStream {
    let etag = Some(format!(
        "\"{:x}\"",
        held.bytes.iter().fold(7_u64, |sum, byte| sum
            .wrapping_mul(31)
            .wrapping_add(u64::from(*byte)))
    ));
    let starts_at = if resume.validator.etag == etag {
        resume.from as usize
    } else {
        0
    };
    let end = held.stalls_at.unwrap_or(held.bytes.len()).max(starts_at);
    let chunks: Vec<_> = held.bytes[starts_at..end]
        .chunks(64 * 1024)
        .map(|chunk| Ok(Bytes::copy_from_slice(chunk)))
        .collect();
    let bytes = stream::iter(chunks);
    ByteStream {
        starts_at: starts_at as u64,
        total_bytes: held.announced,
        validator: Validator {
            etag,
            ..Validator::default()
        },
        location: format!("fake:{}", held.asset),
        remarks: Remarks::default(),
        bytes: if held.stalls_at.is_some() {
            bytes.chain(stream::pending()).boxed()
        } else {
            bytes.boxed()
        },
    }
}

/// The answer when something goes wrong.
fn stumbling(held: &Held, resume: &Resume, mishap: Mishap) -> Result<ByteStream, OpenError> {
    let (archive, name) = ("fake".parse().unwrap(), held.name.clone());
    match mishap {
        Mishap::Refused => return Err(cut(held)),
        Mishap::Page => return Err(OpenError::Page { archive, name }),
        Mishap::Gone => return Err(OpenError::Gone { archive, name }),
        _ => {}
    }
    let mut held = held.clone();
    let whole_again = Resume::default();
    let resume = match mishap {
        Mishap::WholeAgain => &whole_again,
        _ => resume,
    };
    let mut answer = answer(&held, resume);
    let starts_at = answer.starts_at as usize;
    let n_bytes = held.bytes.len() - starts_at;
    let place = |thousandths: usize| starts_at + n_bytes * thousandths / 1000;
    if let Mishap::Flip(at) = mishap
        && let Some(byte) = held.bytes.get_mut(place(at))
    {
        *byte ^= 1;
    }
    let (end, breaks_off) = match mishap {
        Mishap::Cut(at) | Mishap::Replaced(at) => (place(at), true),
        Mishap::Short(at) => (place(at), false),
        _ => (held.bytes.len(), false),
    };
    if let Mishap::Short(_) | Mishap::WholeAgain = mishap {
        answer.total_bytes = None;
    }
    let chunks = held.bytes[starts_at..end].chunks(8 * 1024);
    let chunks = chunks.map(|chunk| Ok(Bytes::copy_from_slice(chunk)));
    let last = breaks_off.then(|| Err(cut(&held)));
    let chunks: Vec<_> = chunks.chain(last).collect();
    answer.bytes = stream::iter(chunks).boxed();
    Ok(answer)
}

fn cut(held: &Held) -> OpenError {
    let url = "http://fake.example/".parse().unwrap();
    OpenError::Net {
        archive: "fake".parse().unwrap(),
        name: held.name.clone(),
        source: NetError::CutShort {
            url: ShownUrl::from(&url),
            expected: held.bytes.len() as u64,
            got: 0,
        },
    }
}
