//! Faults: switches that make an archive misbehave, for one product or for all, always or a few times.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A way to misbehave.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// 503, with `Retry-After` if seconds are given.
    Unavailable {
        /// What `Retry-After` says.
        retry_after_s: Option<u64>,
    },
    /// 200 with a page of HTML in place of the product.
    HtmlInstead,
    /// The connection ends before this byte of the product; the length announced is the whole one.
    /// An answer that begins at that byte or behind it is not cut, unless it is byte 0.
    CutAt {
        /// Byte of the product, from 0, that is not sent.
        byte: u64,
    },
    /// The bytes come slowly.
    Slow {
        /// How slowly.
        bytes_per_second: u64,
    },
    /// `Range` is ignored: 200 and all bytes, always.
    NoRange,
    /// `Content-Length` is off by so much. When it is too small, the rest is not sent.
    WrongLength {
        /// Bytes to add to the truth.
        off_by: i64,
    },
    /// HEAD is never answered.
    HangingHead,
    /// Another ETag and date, and one byte in the middle flipped.
    ChangedContent,
    /// The product is gone: 404, and not in the list.
    Removed,
    /// 500, since the archive has no connection to its database left.
    PoolEmpty,
    /// 500 without a reason.
    ServerError,
    /// Gzip without a `Content-Encoding` that says so.
    GzipUnsaid,
    /// A tar in a gzip in place of a result, under the result's name.
    TarInGzip,
    /// A job is queued and never begins.
    StaysQueued,
    /// No source has a product.
    NoProducts,
    /// Synchronous queries are not cut at the archive's limit.
    NoSilentCut,
    /// A query that is not understood is 400 instead of 200.
    ErrorIs400,
}

/// What a fault applies to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every product, and the list of products.
    All,
    /// One product by name; the list is `products.json`.
    Product(String),
}

/// How often a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// Until it is cleared.
    Always,
    /// On so many of the next requests that it can apply to.
    Next(u32),
}

/// The switches of a running stand-in. Clones are the same switches.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Switches>>);

#[derive(Debug, Default)]
struct Switches {
    rules: Vec<(Scope, Fault, Times)>,
    drop_every: Option<u64>,
    n_connections: u64,
    unknown_is_html: bool,
}

/// What strikes one request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Struck {
    pub(crate) unavailable: Option<Option<u64>>,
    pub(crate) html_instead: bool,
    pub(crate) cut_at: Option<u64>,
    pub(crate) bytes_per_second: Option<u64>,
    pub(crate) no_range: bool,
    pub(crate) length_off_by: i64,
    pub(crate) hang: bool,
    pub(crate) changed: bool,
    pub(crate) removed: bool,
    pub(crate) pool_empty: bool,
    pub(crate) server_error: bool,
    pub(crate) gzip_unsaid: bool,
    pub(crate) tar_in_gzip: bool,
    pub(crate) stays_queued: bool,
    pub(crate) no_products: bool,
    pub(crate) no_silent_cut: bool,
    pub(crate) error_is_400: bool,
}

impl Faults {
    /// Adds a fault to those already set.
    pub fn set(&self, scope: Scope, fault: Fault, times: Times) {
        self.switches().rules.push((scope, fault, times));
    }

    /// Adds a fault of one product.
    pub fn set_for(&self, product: &str, fault: Fault, times: Times) {
        self.set(Scope::Product(product.to_owned()), fault, times);
    }

    /// Closes every `n`-th new connection unanswered, counted from now; `None` closes none.
    pub fn drop_every_nth_connection(&self, n: Option<u32>) {
        let mut switches = self.switches();
        switches.drop_every = n.map(u64::from).filter(|n| *n > 0);
        switches.n_connections = 0;
    }

    /// Whether what is not known is answered by a page under 200 instead of 404.
    pub fn answer_unknown_with_html(&self, on: bool) {
        self.switches().unknown_is_html = on;
    }

    /// Takes all faults back.
    pub fn clear(&self) {
        *self.switches() = Switches::default();
    }

    /// Takes the faults that strike this request, and counts them.
    pub(crate) fn strike(&self, name: &str, is_head: bool) -> Struck {
        let mut struck = Struck::default();
        let mut switches = self.switches();
        for (scope, fault, times) in &mut switches.rules {
            let applies = covers(scope, name) && fault.strikes(is_head) && *times != Times::Next(0);
            if applies {
                struck.add(fault);
                if let Times::Next(left) = times {
                    *left -= 1;
                }
            }
        }
        switches
            .rules
            .retain(|(_, _, times)| *times != Times::Next(0));
        struck
    }

    /// The state of a product in the list: what is removed or changed, uncounted.
    pub(crate) fn state_of(&self, name: &str) -> Struck {
        let mut struck = Struck::default();
        for (scope, fault, _) in &self.switches().rules {
            if covers(scope, name) && matches!(fault, Fault::Removed | Fault::ChangedContent) {
                struck.add(fault);
            }
        }
        struck
    }

    pub(crate) fn drops_connection(&self) -> bool {
        let mut switches = self.switches();
        switches.n_connections += 1;
        let n = switches.n_connections;
        switches
            .drop_every
            .is_some_and(|every| n.is_multiple_of(every))
    }

    pub(crate) fn unknown_is_html(&self) -> bool {
        self.switches().unknown_is_html
    }

    fn switches(&self) -> MutexGuard<'_, Switches> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn covers(scope: &Scope, name: &str) -> bool {
    match scope {
        Scope::All => true,
        Scope::Product(product) => product == name,
    }
}

impl Fault {
    fn strikes(&self, is_head: bool) -> bool {
        match self {
            Self::HangingHead => is_head,
            Self::CutAt { .. } | Self::Slow { .. } => !is_head,
            _ => true,
        }
    }
}

impl Struck {
    fn add(&mut self, fault: &Fault) {
        match *fault {
            Fault::Unavailable { retry_after_s } => self.unavailable = Some(retry_after_s),
            Fault::HtmlInstead => self.html_instead = true,
            Fault::CutAt { byte } => self.cut_at = Some(byte),
            Fault::Slow { bytes_per_second } => {
                self.bytes_per_second = Some(bytes_per_second.max(1))
            }
            Fault::NoRange => self.no_range = true,
            Fault::WrongLength { off_by } => self.length_off_by = off_by,
            Fault::HangingHead => self.hang = true,
            Fault::ChangedContent => self.changed = true,
            Fault::Removed => self.removed = true,
            Fault::PoolEmpty => self.pool_empty = true,
            Fault::ServerError => self.server_error = true,
            Fault::GzipUnsaid => self.gzip_unsaid = true,
            Fault::TarInGzip => self.tar_in_gzip = true,
            Fault::StaysQueued => self.stays_queued = true,
            Fault::NoProducts => self.no_products = true,
            Fault::NoSilentCut => self.no_silent_cut = true,
            Fault::ErrorIs400 => self.error_is_400 = true,
        }
    }
}
