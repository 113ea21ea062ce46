//! Starter notebooks: what *Open in Notebook* writes into a workspace.
//!
//! A notebook is made of blocks of cells, which are Python files (`notebooks/README.md` is their contract), and of what
//! the record knows of the products that were staged. No text from an archive can become code: values go in as Python
//! literals or as escaped markdown, after the block was split into cells.

mod block;
mod literal;
mod name;
mod opening;
mod product;
mod query;
mod section;
mod starter;

use futures::future::BoxFuture;

pub use name::notebook_name;
pub(crate) use starter::gather;

/// How a selection is cited.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Citation {
    /// The references, in markdown.
    pub text: String,
    /// The acknowledgement, in markdown.
    pub acknowledgement: String,
    /// The references in BibTeX.
    pub bibtex: String,
}

impl Citation {
    /// What stands in a notebook whose selection cannot be cited just now.
    pub(crate) fn missing() -> Self {
        let text = "How to cite these products is shown on the page of each of them.".to_owned();
        Self {
            acknowledgement: text.clone(),
            text,
            bibtex: String::new(),
        }
    }
}

/// Says how a selection is cited; the server knows.
pub trait Cite: Send + Sync {
    /// The citation of a selection that `owner` may see; the error is a sentence for the log.
    fn cite<'a>(
        &'a self,
        selection: &'a str,
        owner: &'a str,
    ) -> BoxFuture<'a, Result<Citation, String>>;
}
