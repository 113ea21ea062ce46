//! Harvesting: page after page in the order of the identifiers, rows that share one together.

use std::collections::HashSet;

use futures::stream::BoxStream;
use gantry_connector::{Cursor, HarvestError, Harvested};

use crate::ObsTap;
use crate::page::{KEY, Page, ROWS, Table, quoted};
use crate::row::Row;

/// Rows that may share one identifier.
const MOST_ALIKE: usize = 100_000;
/// Rows without an identifier that are told.
const MOST_NAMELESS: usize = 1000;

/// Rows that share an identifier.
struct Group {
    did: String,
    rows: Vec<Row>,
}

/// How far a harvest is; its text is the cursor.
struct Progress {
    /// Rows told so far.
    n: u64,
    /// Rows there were when it began.
    of: u64,
    /// The last identifier told; none at the beginning.
    last: Option<String>,
}

impl Progress {
    fn read(cursor: &Cursor) -> Option<Self> {
        let mut parts = cursor.0.splitn(3, ' ');
        let mut number = || parts.next()?.parse().ok();
        let (n, of) = (number()?, number()?);
        let last = parts.next().map(ToOwned::to_owned);
        Some(Self { n, of, last })
    }

    fn cursor(&self) -> Cursor {
        let last = self.last.as_deref().unwrap_or_default();
        Cursor(format!("{} {} {last}", self.n, self.of))
    }

    /// The rows behind what was told.
    fn condition(&self) -> String {
        match &self.last {
            None => format!("{KEY} IS NOT NULL"),
            Some(did) => format!("{KEY} > {}", quoted(did)),
        }
    }
}

/// So many rows more than twice what a service counted are believed.
const GROWTH: u64 = 10_000;

pub(crate) fn harvest(
    obstap: &ObsTap,
    cursor: Option<Cursor>,
) -> BoxStream<'_, Result<Harvested, HarvestError>> {
    Box::pin(async_stream::try_stream! {
        let table = obstap.table().await?;
        let mut progress = match cursor.as_ref().and_then(Progress::read) {
            Some(progress) => progress,
            None => {
                for row in obstap.page(&table, MOST_NAMELESS, &format!("{KEY} IS NULL")).await?.rows {
                    yield Harvested::Rejected { what: name_of(&row), why: format!("its {KEY} is null") };
                }
                Progress { n: 0, of: obstap.n_rows(&table).await?, last: None }
            }
        };
        let mut n_rows = obstap.rows_at_once().await;
        loop {
            let page = obstap.page(&table, n_rows, &progress.condition()).await?;
            let goes_on = page.overflowed || page.rows.len() >= n_rows;
            if page.overflowed {
                // The service gives no more than that at once.
                n_rows = page.rows.len().clamp(1, n_rows);
            }
            for group in obstap.groups(&table, page, goes_on, progress.last.as_deref()).await? {
                for harvested in obstap.told(&group) {
                    yield harvested;
                }
                progress.n += group.rows.len() as u64;
                progress.last = Some(group.did);
            }
            if !goes_on {
                break;
            }
            obstap.check_end(&progress)?;
            yield Harvested::Cursor(progress.cursor());
        }
        obstap.check_whole(&progress)?;
        yield Harvested::ScopeComplete(String::new());
    })
}

/// What a row without an identifier is called.
fn name_of(row: &Row) -> String {
    let names = ["obs_id", "obs_title", "access_url", "target_name"];
    let name = names.iter().find_map(|column| row.text(column));
    name.unwrap_or("a row without a name").to_owned()
}

impl ObsTap {
    /// How many rows a page has: as many as the service says that it gives at once.
    async fn rows_at_once(&self) -> usize {
        let limit = self.tap.most_rows().await;
        limit.map_or(ROWS, |rows| usize::try_from(rows).unwrap_or(ROWS).min(ROWS))
    }

    /// A table may grow while it is read, but a service that always has another page would be read for ever.
    fn check_end(&self, progress: &Progress) -> Result<(), HarvestError> {
        match progress.n > progress.of.saturating_mul(2).saturating_add(GROWTH) {
            true => Err(self.cut(format!(
                "its pages have {} rows and go on, though it counts {}",
                progress.n, progress.of
            ))),
            false => Ok(()),
        }
    }

    /// A service that does not order rows as it compares them leaves some out between pages, and says nothing.
    fn check_whole(&self, progress: &Progress) -> Result<(), HarvestError> {
        match progress.n < progress.of {
            true => Err(self.cut(format!(
                "its pages in the order of {KEY} have {} rows of {}; it may not order them as it compares them",
                progress.n, progress.of
            ))),
            false => Ok(()),
        }
    }

    /// The rows of a page by their identifiers. The last identifier of a page that goes on may have more rows on the
    /// next, so its rows are left to that; when it is the only one, all of them are asked for.
    async fn groups(
        &self,
        table: &Table,
        page: Page,
        goes_on: bool,
        before: Option<&str>,
    ) -> Result<Vec<Group>, HarvestError> {
        let mut groups = self.in_order(page.rows, before)?;
        if !goes_on {
            return Ok(groups);
        }
        match groups.len() {
            0 => Err(self.cut("it says that there are rows, and gives none".to_owned())),
            1 => {
                let did = groups.remove(0).did;
                let condition = format!("{KEY} = {}", quoted(&did));
                let page = self.page(table, MOST_ALIKE, &condition).await?;
                if page.overflowed || page.rows.len() >= MOST_ALIKE {
                    let n_rows = page.rows.len();
                    return Err(self.cut(format!("more than {n_rows} rows share `{did}`")));
                }
                let rows = page.rows;
                Ok(vec![Group { did, rows }])
            }
            _ => {
                groups.pop();
                Ok(groups)
            }
        }
    }

    /// Puts rows that share an identifier together; an answer that is not in the order asked for is not believed, since
    /// its pages may leave rows out.
    fn in_order(&self, rows: Vec<Row>, before: Option<&str>) -> Result<Vec<Group>, HarvestError> {
        let mut groups: Vec<Group> = Vec::new();
        let mut seen: HashSet<String> = before.map(ToOwned::to_owned).into_iter().collect();
        for row in rows {
            let Some(did) = row.text(KEY).map(ToOwned::to_owned) else {
                continue;
            };
            if let Some(group) = groups.last_mut().filter(|group| group.did == did) {
                group.rows.push(row);
                continue;
            }
            if !seen.insert(did.clone()) {
                return Err(self.unreadable(format!(
                    "its rows do not come in the order of {KEY}: `{did}` comes again"
                )));
            }
            let rows = vec![row];
            groups.push(Group { did, rows });
        }
        Ok(groups)
    }

    /// What is told of the rows of one identifier: one asset each; of several each has a mark of its own.
    fn told(&self, group: &Group) -> Vec<Harvested> {
        let is_alone = group.rows.len() == 1;
        let mut marks = HashSet::new();
        let mut told = Vec::new();
        for row in &group.rows {
            let mark = row.mark();
            if !marks.insert(mark.clone()) {
                told.push(Harvested::Rejected {
                    what: group.did.clone(),
                    why: "the same row comes twice".to_owned(),
                });
                continue;
            }
            let mark = (!is_alone).then_some(mark.as_str());
            told.push(match self.asset(&group.did, mark, row) {
                Ok(asset) => Harvested::Asset(Box::new(asset)),
                Err(why) => Harvested::Rejected {
                    what: group.did.clone(),
                    why,
                },
            });
        }
        told
    }
}
