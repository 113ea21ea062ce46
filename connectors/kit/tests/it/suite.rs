use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt};
use gantry_asset::{Asset, File};
use gantry_connector::conformance::conformance;
use gantry_connector::{
    Archive, ByteStream, Connector, Cursor, HarvestError, Harvested, OpenError, Remarks, Resume,
    Since,
};
use gantry_net::{Circuit, Health, Validator};

/// A promise a connector may break.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Lie {
    None,
    NoScope,
    OtherArchive,
    NoTitle,
    UnknownFacet,
    SameTwice,
    ForgetsBehindCursor,
    WrongSize,
    GluesOtherBytes,
    ResumesWrong,
}

struct Liar {
    lie: Lie,
    archive: Archive,
}

const BYTES: &[u8] = b"ten bytes.";

fn asset(id: &str) -> Asset {
    let json = format!(
        r#"{{"id": "{id}", "kind": "Information Product", "title": "A map", "files": [{{"name": "f", "media_type": "text/plain", "size_bytes": 10, "locations": []}}]}}"#
    );
    serde_json::from_str(&json).unwrap()
}

impl Connector for Liar {
    fn archive(&self) -> &Archive {
        &self.archive
    }

    fn harvest(&self, since: Since) -> BoxStream<'_, Result<Harvested, HarvestError>> {
        let (mut a, mut b) = (asset("x:a"), asset("x:b"));
        match self.lie {
            Lie::OtherArchive => b = asset("y:b"),
            Lie::NoTitle => a.title = " ".to_owned(),
            Lie::UnknownFacet => a.facets.add("colour", "blue"),
            Lie::SameTwice => b = asset("x:a"),
            Lie::WrongSize => a.files[0].size_bytes = Some(11),
            _ => {}
        }
        let mut events = Vec::new();
        if since.cursor.is_none() {
            events.extend([
                Harvested::Asset(Box::new(a)),
                Harvested::Cursor(Cursor("a".to_owned())),
            ]);
        }
        if since.cursor.is_none() || self.lie != Lie::ForgetsBehindCursor {
            events.push(Harvested::Asset(Box::new(b)));
        }
        if self.lie != Lie::NoScope {
            events.push(Harvested::ScopeComplete(String::new()));
        }
        stream::iter(events).map(Ok).boxed()
    }

    fn open<'a>(
        &'a self,
        _: &'a File,
        resume: &'a Resume,
    ) -> BoxFuture<'a, Result<ByteStream, OpenError>> {
        let etag = Some("\"1\"".to_owned());
        let same = resume.validator.etag == etag || self.lie == Lie::GluesOtherBytes;
        let starts_at = if same { resume.from } else { 0 };
        let skipped = if self.lie == Lie::ResumesWrong && starts_at > 0 {
            1
        } else {
            0
        };
        let bytes = Bytes::from_static(&BYTES[starts_at as usize + skipped..]);
        let stream = ByteStream {
            starts_at,
            total_bytes: Some(10),
            validator: Validator {
                etag,
                ..Validator::default()
            },
            location: "here".to_owned(),
            remarks: Remarks::default(),
            bytes: stream::iter([Ok(bytes)]).boxed(),
        };
        Box::pin(async { Ok(stream) })
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

#[tokio::test]
async fn the_suite_passes_an_honest_connector_and_finds_every_lie() {
    for (lie, found) in [
        (Lie::NoScope, "completes a scope"),
        (Lie::OtherArchive, "`y:b` is not an asset of x"),
        (Lie::NoTitle, "`x:a` has no title"),
        (Lie::UnknownFacet, "`colour`"),
        (Lie::SameTwice, "`x:a` came twice"),
        (Lie::ForgetsBehindCursor, "`x:b` is missing"),
        (Lie::WrongSize, "has 10 bytes, listed Some(11)"),
        (Lie::GluesOtherBytes, "behind bytes of another file"),
        (Lie::ResumesWrong, "is not the rest of it"),
    ] {
        let why = conformance(&liar(lie)).await.unwrap_err();
        assert!(why.contains(found), "{lie:?}: {why}");
    }
    let harvest = conformance(&liar(Lie::None)).await.unwrap();
    assert_eq!((harvest.assets.len(), harvest.cursors.len()), (2, 1));
}

fn liar(lie: Lie) -> Liar {
    let text = String::new;
    let archive = Archive {
        id: "x".parse().unwrap(),
        kind: "liar",
        title: text(),
        home: text(),
        acknowledgement: text(),
        license: None,
        publisher: text(),
        asks: gantry_connector::Asks::default(),
    };
    Liar { lie, archive }
}
