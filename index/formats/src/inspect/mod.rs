//! Inspection: what a file is, told by its bytes and never by its name, and what is broken in it.

mod json;
mod kind;
mod read;
mod text;

use std::cell::Cell;
use std::error::Error;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::rc::Rc;

use serde_json::{Map, Value};

use crate::compression::{Compression, sniff, unpack};
use crate::fits::checksum::{Verdict, verify};
use crate::members::{self, MembersError, each_tar_member, each_zip_member, is_tar};

pub use kind::Kind;

/// The first bytes that tell the kind.
const HEAD_BYTES: u64 = 64 << 10;

/// How much of a file is unpacked and held.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes that all layers and archives may unpack to together.
    pub max_unpacked_bytes: u64,
    /// Bytes of what must be held whole: JSON, and ZIP within another layer.
    pub max_held_bytes: u64,
    /// Archives within archives.
    pub max_depth: usize,
    /// Members of all archives within archives together.
    pub max_members: u64,
    /// Of archives.
    pub members: members::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_unpacked_bytes: 64 << 30,
            max_held_bytes: 256 << 20,
            max_depth: 3,
            max_members: 10_000,
            members: members::Limits {
                max_members: 1000,
                ..members::Limits::default()
            },
        }
    }
}

/// What is left of the limits that hold for all layers and archives together.
struct Budget {
    limits: Limits,
    n_bytes: Cell<u64>,
    n_members: Cell<u64>,
}

impl Budget {
    fn new(limits: Limits) -> Self {
        Self {
            limits,
            n_bytes: Cell::new(0),
            n_members: Cell::new(0),
        }
    }

    fn count(&self) -> Result<(), MembersError> {
        self.n_members.set(self.n_members.get() + 1);
        if self.n_members.get() > self.limits.max_members {
            let max = usize::try_from(self.limits.max_members).unwrap_or(usize::MAX);
            return Err(MembersError::TooMany { max });
        }
        Ok(())
    }
}

/// A reader whose bytes are counted with those of all others.
struct Spending<'a, R> {
    inner: R,
    budget: &'a Budget,
}

impl<R: Read> Read for Spending<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        let spent = self.budget.n_bytes.get() + n as u64;
        self.budget.n_bytes.set(spent);
        let max = self.budget.limits.max_unpacked_bytes;
        if spent > max {
            return Err(io::Error::other(format!(
                "it unpacks to more than {max} bytes in all"
            )));
        }
        Ok(n)
    }
}

/// What a file is.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Inspection {
    /// Compressions around it, outermost first.
    pub layers: Vec<Compression>,
    /// What it is beneath them.
    pub kind: Kind,
    /// What its reader tells, by name; which there are depends on the kind.
    pub facts: Map<String, Value>,
    /// Sentences naming what is broken.
    pub faults: Vec<String>,
    /// Sentences naming what is odd and can be read nevertheless.
    pub warnings: Vec<String>,
    /// The files of an archive.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member>,
}

/// A file within an archive.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Member {
    /// Its path within the archive.
    pub name: String,
    /// Its size when unpacked, as the archive says.
    pub size_bytes: u64,
    /// What it is.
    pub inspection: Inspection,
}

impl Inspection {
    fn new() -> Self {
        Self {
            layers: Vec::new(),
            kind: Kind::Unknown,
            facts: Map::new(),
            faults: Vec::new(),
            warnings: Vec::new(),
            members: Vec::new(),
        }
    }

    fn fact(&mut self, name: &str, value: impl Into<Value>) {
        self.facts.insert(name.to_owned(), value.into());
    }

    fn fault(&mut self, error: &dyn Error) {
        self.faults.push(sentence(error));
    }
}

/// An error with all its sources in one line.
fn sentence(error: &dyn Error) -> String {
    let mut sentence = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let text = error.to_string();
        if !sentence.ends_with(&text) {
            sentence = format!("{sentence}: {text}");
        }
        source = error.source();
    }
    sentence
}

/// Says what a whole file is. Bytes that cannot be read are a fault of the file as well.
pub fn inspect(reader: &mut (impl Read + Seek), limits: Limits) -> Inspection {
    let mut found = Inspection::new();
    let mut first = Vec::new();
    let rewound = reader.rewind();
    if let Err(error) = rewound.and_then(|()| head_of(reader, 4, &mut first)) {
        found.fault(&error);
        return found;
    }
    if let Err(error) = reader.seek(SeekFrom::Start(0)) {
        found.fault(&error);
        return found;
    }
    let budget = Budget::new(limits);
    if sniff(&first) == Some(Compression::Zip) {
        return zip(reader, &budget, 0);
    }
    let mut found = stream(Box::new(&mut *reader), &budget, 0);
    if found.kind == Kind::Fits && found.layers.is_empty() && found.faults.is_empty() {
        checksums(reader, &mut found);
    }
    found
}

/// Says what a file is by its first bytes. What may be owed to the cut is not complained of.
pub fn inspect_prefix(bytes: &[u8]) -> Inspection {
    let limits = Limits::default();
    if sniff(bytes) == Some(Compression::Zip) {
        let mut found = Inspection::new();
        found.kind = Kind::Zip;
        return found;
    }
    let ended = Rc::new(Cell::new(false));
    let reader = Ending {
        inner: bytes,
        ended: Rc::clone(&ended),
    };
    let mut found = stream(Box::new(reader), &Budget::new(limits), 0);
    if ended.get() {
        forgive(&mut found);
    }
    found
}

fn forgive(found: &mut Inspection) {
    found.faults.clear();
    found.warnings.clear();
    for member in &mut found.members {
        forgive(&mut member.inspection);
    }
}

/// A reader that remembers whether its end was reached.
struct Ending<R> {
    inner: R,
    ended: Rc<Cell<bool>>,
}

impl<R: Read> Read for Ending<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.ended.set(self.ended.get() || n == 0);
        Ok(n)
    }
}

fn head_of(reader: &mut impl Read, n_bytes: u64, head: &mut Vec<u8>) -> io::Result<()> {
    reader.take(n_bytes).read_to_end(head).map(drop)
}

/// Says what a stream holds, layer after layer.
fn stream(reader: Box<dyn Read + '_>, budget: &Budget, depth: usize) -> Inspection {
    let mut found = Inspection::new();
    let mut outer = Vec::new();
    let mut reader = reader;
    if let Err(error) = head_of(&mut reader, 4, &mut outer) {
        found.fault(&error);
        return found;
    }
    let outermost = sniff(&outer);
    let reader = Cursor::new(outer).chain(reader);
    let (plain, layers) = match unpack(reader, budget.limits.max_unpacked_bytes) {
        Ok(unpacked) => unpacked,
        Err(error) => {
            found.layers.extend(outermost);
            found.fault(&error);
            return found;
        }
    };
    let mut plain = Spending {
        inner: plain,
        budget,
    };
    let mut head = Vec::new();
    let cut = head_of(&mut plain, HEAD_BYTES, &mut head).err();
    let mut found = beneath(&head, Box::new(plain), budget, depth);
    found.layers = layers;
    if let Some(error) = cut {
        found.faults.insert(0, sentence(&error));
    }
    found
}

fn beneath(head: &[u8], rest: Box<dyn Read + '_>, budget: &Budget, depth: usize) -> Inspection {
    let limits = budget.limits;
    let mut reader = Cursor::new(head).chain(rest);
    if sniff(head) == Some(Compression::Zip) {
        let mut held = Vec::new();
        let max = limits.max_held_bytes;
        let read = head_of(&mut reader, max.saturating_add(1), &mut held);
        if read.is_ok() && held.len() as u64 <= max {
            return zip(Cursor::new(held), budget, depth);
        }
        let mut found = Inspection::new();
        found.kind = Kind::Zip;
        let why = format!("a ZIP archive within another layer, of more than {max} bytes or cut");
        found.faults.push(why);
        return found;
    }
    if is_tar(head) {
        return tar(Box::new(reader), budget, depth);
    }
    let mut found = Inspection::new();
    found.kind = kind::of(head);
    read::facts(&mut reader, limits, &mut found);
    // What no reader wanted may still be damaged.
    if let Err(error) = io::copy(&mut reader, &mut io::sink())
        && found.faults.is_empty()
    {
        found.fault(&error);
    }
    found
}

fn zip(reader: impl Read + Seek, budget: &Budget, depth: usize) -> Inspection {
    let mut found = Inspection::new();
    found.kind = Kind::Zip;
    let mut inside = Vec::new();
    let read = each_zip_member(reader, budget.limits.members, |member, bytes| {
        budget.count()?;
        inside.push(within(member, bytes, budget, depth));
        Ok(())
    });
    archive(found, inside, read)
}

fn tar(reader: Box<dyn Read + '_>, budget: &Budget, depth: usize) -> Inspection {
    let mut found = Inspection::new();
    found.kind = Kind::Tar;
    let mut inside = Vec::new();
    let read = each_tar_member(reader, budget.limits.members, |member, bytes| {
        budget.count()?;
        inside.push(within(member, bytes, budget, depth));
        Ok(())
    });
    archive(found, inside, read)
}

fn archive(
    mut found: Inspection,
    members: Vec<Member>,
    read: Result<(), MembersError>,
) -> Inspection {
    found.fact("n_members", members.len());
    found.members = members;
    if let Err(error) = read {
        found.fault(&error);
    }
    found
}

fn within(member: &members::Member, bytes: &mut dyn Read, budget: &Budget, depth: usize) -> Member {
    let limits = budget.limits;
    let inspection = if depth < limits.max_depth {
        let max = limits.members.max_member_bytes;
        stream(Box::new(bytes.take(max)), budget, depth + 1)
    } else {
        let mut found = Inspection::new();
        let why = format!("archives are nested deeper than {}", limits.max_depth);
        found.faults.push(why);
        found
    };
    Member {
        name: member.name.clone(),
        size_bytes: member.size_bytes,
        inspection,
    }
}

/// Warns of FITS checksums that do not match.
fn checksums(reader: &mut (impl Read + Seek), found: &mut Inspection) {
    if reader.rewind().is_err() {
        return;
    }
    let Ok(hdus) = verify(reader) else {
        return;
    };
    for (index, hdu) in hdus.iter().enumerate() {
        for (keyword, verdict) in [("DATASUM", hdu.datasum), ("CHECKSUM", hdu.checksum)] {
            if verdict == Some(Verdict::Differs) {
                let why = format!("the {keyword} of HDU {index} does not match its bytes");
                found.warnings.push(why);
            }
        }
    }
}
