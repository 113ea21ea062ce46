//! Whether storage elsewhere can be used, step by step.

use bytes::Bytes;

use super::Remote;

/// What is written to try it out.
const BYTES: usize = 4096;

/// The steps of trying storage elsewhere out, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Reaching it, being let in, and finding its root.
    Connect,
    /// Listing the root.
    List,
    /// Writing a small file, `.gantry-…`, in the root.
    Write,
    /// Reading it back.
    ReadBack,
    /// Deleting it.
    Delete,
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// The step.
    pub step: Step,
    /// Why it did not work, in words without secrets; none when it did.
    pub why: Option<String>,
}

impl Step {
    /// Its name: `connect`, `list`, `write`, `read back` or `delete`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::List => "list",
            Self::Write => "write",
            Self::ReadBack => "read back",
            Self::Delete => "delete",
        }
    }
}

impl Tried {
    /// Whether it worked.
    pub fn is_ok(&self) -> bool {
        self.why.is_none()
    }
}

pub(super) async fn try_out(remote: &Remote) -> Vec<Tried> {
    let mut tried = Vec::new();
    let mut went = |step, result: Result<(), String>| {
        let why = result.err();
        let is_ok = why.is_none();
        tried.push(Tried { step, why });
        is_ok
    };
    let name = format!(".gantry-{:016x}", getrandom::u64().unwrap_or(1));
    let bytes = Bytes::from(
        (0..BYTES)
            .map(|at| (at * 31 % 251) as u8)
            .collect::<Vec<_>>(),
    );
    if !went(Step::Connect, connect(remote).await) {
        return tried;
    }
    let listed = remote.list("").await.map(drop);
    if !went(Step::List, listed.map_err(|error| error.told())) {
        return tried;
    }
    if !went(Step::Write, write(remote, &name, &bytes).await) {
        return tried;
    }
    let is_read = went(Step::ReadBack, read_back(remote, &name, &bytes).await);
    let deleted = remote.delete(&name).await.map_err(|error| error.told());
    if is_read {
        went(Step::Delete, deleted);
    }
    tried
}

async fn connect(remote: &Remote) -> Result<(), String> {
    match remote.stat("").await {
        Ok(Some(root)) if root.is_folder => Ok(()),
        Ok(Some(_)) => Err("its root is a file and not a folder".to_owned()),
        Ok(None) => Err("its root is not there".to_owned()),
        Err(error) => Err(error.told()),
    }
}

async fn write(remote: &Remote, name: &str, bytes: &Bytes) -> Result<(), String> {
    let written = async {
        let mut writer = remote.write(name, Some(bytes.len() as u64)).await?;
        match writer.write(bytes.clone()).await {
            Ok(()) => writer.finish().await,
            Err(error) => Err(error),
        }
    };
    let written = written.await;
    if written.is_err() {
        // Mostly there is nothing of it; the error to tell is that of the writing.
        for left in [super::path::part(name), name.to_owned()] {
            let _ = remote.delete(&left).await;
        }
    }
    written.map_err(|error| error.told())
}

async fn read_back(remote: &Remote, name: &str, bytes: &Bytes) -> Result<(), String> {
    let read = async { remote.read(name, 0, None).await?.bytes(BYTES + 1).await };
    match read.await {
        Ok(read) if read == bytes => Ok(()),
        Ok(read) => Err(format!(
            "of the {BYTES} bytes written it gave back {} bytes that are not the same",
            read.len()
        )),
        Err(error) => Err(error.told()),
    }
}
