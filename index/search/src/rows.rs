//! Rows: what documents of a segment have in several facet fields at once.
//!
//! To count field by field is to look at each document once per field. Documents have few different *rows*, which are
//! the numbers of their sets in fields that go together; so each document is counted once, by its row, and what a row
//! counts is added to its values.

use std::collections::HashMap;

use gantry_asset::vocabulary;

use crate::column::{Column, Numbers};

/// There are so many documents to a row at least, so that the rows are fewer to add than the documents are to count.
const DOCS_A_ROW: usize = 64;

/// The fewest rows there may be.
const FEWEST: usize = 256;

/// See the module.
#[derive(Debug)]
pub(crate) struct Rows {
    /// The number of each document's row.
    numbers: Numbers,
    n_rows: usize,
    /// Per field of the vocabulary that is in them, the number of its set in each row.
    sets: Vec<Option<Vec<u32>>>,
}

impl Rows {
    /// Puts together as many columns as leave the rows few: first those that are counted by default, and of these first
    /// those of few sets.
    pub(crate) fn of(columns: &[Column], n_docs: u32) -> Self {
        let n_docs = n_docs as usize;
        let most = (n_docs / DOCS_A_ROW).max(FEWEST);
        let fields = &vocabulary().fields;
        let mut order: Vec<usize> = (0..columns.len())
            .filter(|field| (2..=most).contains(&columns[*field].n_sets()))
            .collect();
        order.sort_by_key(|field| (!fields[*field].default, columns[*field].n_sets()));
        let mut rows = Grown {
            numbers: vec![0; n_docs],
            n_rows: 1,
        };
        let mut together = Vec::new();
        for field in order {
            if let Some(grown) = rows.with(&columns[field], most) {
                rows = grown;
                together.push(field);
            }
        }
        let mut sets: Vec<Option<Vec<u32>>> = vec![None; columns.len()];
        for field in together {
            let mut of_row = vec![0; rows.n_rows];
            for (doc, row) in (0..).zip(&rows.numbers) {
                of_row[*row as usize] = u32::try_from(columns[field].set_of(doc)).unwrap_or(0);
            }
            sets[field] = Some(of_row);
        }
        Self {
            numbers: Numbers::pack(rows.numbers),
            n_rows: rows.n_rows,
            sets,
        }
    }

    /// Whether counting so many documents of a field by rows is less work than one by one.
    pub(crate) fn pays(&self, field: usize, n_docs: u64) -> bool {
        self.sets[field].is_some() && n_docs > self.n_rows as u64
    }

    /// The number of each document's row.
    pub(crate) fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.n_rows
    }

    /// Of how many documents have each row, those that some have.
    pub(crate) fn seen(counts: &[u32]) -> Vec<(usize, u32)> {
        let all = counts.iter().copied().enumerate();
        all.filter(|(_, n)| *n > 0).collect()
    }

    /// How many documents have each set of a field, of which there are so many.
    pub(crate) fn by_set(&self, field: usize, n_sets: usize, seen: &[(usize, u32)]) -> Vec<u32> {
        let mut by_set = vec![0; n_sets];
        if let Some(sets) = &self.sets[field] {
            for (row, n) in seen {
                by_set[sets[*row] as usize] += n;
            }
        }
        by_set
    }

    /// The memory they take.
    pub(crate) fn bytes(&self) -> usize {
        let sets = self.sets.iter().flatten();
        self.numbers.bytes() + sets.map(|sets| size_of_val(sets.as_slice())).sum::<usize>()
    }
}

/// Rows of some columns, to which another may be added.
struct Grown {
    numbers: Vec<u32>,
    n_rows: usize,
}

/// The number of each pair of a row and a set.
enum Pairs {
    Table(Vec<u32>),
    Map(HashMap<usize, u32>),
}

/// As many pairs are looked up in a table; more in a map.
const IN_TABLE: usize = 1 << 20;

/// The number of a pair that has none.
const NEW: u32 = u32::MAX;

impl Pairs {
    fn of(n: usize) -> Self {
        match n {
            0..=IN_TABLE => Self::Table(vec![NEW; n]),
            _ => Self::Map(HashMap::new()),
        }
    }

    fn number(&mut self, pair: usize) -> &mut u32 {
        match self {
            Self::Table(table) => &mut table[pair],
            Self::Map(map) => map.entry(pair).or_insert(NEW),
        }
    }
}

impl Grown {
    /// The rows with a column more; `None` when there would be too many.
    fn with(&self, column: &Column, most: usize) -> Option<Self> {
        let n_sets = column.n_sets();
        let mut pairs = Pairs::of(self.n_rows * n_sets);
        let mut grown = Self {
            numbers: Vec::with_capacity(self.numbers.len()),
            n_rows: 0,
        };
        for (doc, row) in (0..).zip(&self.numbers) {
            let number = pairs.number(*row as usize * n_sets + column.set_of(doc));
            if *number == NEW {
                *number = u32::try_from(grown.n_rows).ok()?;
                grown.n_rows += 1;
                if grown.n_rows > most {
                    return None;
                }
            }
            grown.numbers.push(*number);
        }
        Some(grown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Columns whose documents have one value each: that of the field's modulus.
    fn columns(n_docs: u32, moduli: &[u32]) -> Vec<Column> {
        let all = vocabulary().fields.iter().enumerate();
        let column = |(field, _)| {
            let modulus = moduli.get(field).copied().unwrap_or(1);
            Column::of_numbers((0..n_docs).map(|doc| doc % modulus).collect(), modulus)
        };
        all.map(column).collect()
    }

    fn counted(rows: &Rows, docs: &[u32]) -> Vec<(usize, u32)> {
        let mut lanes = vec![[0; 4]; rows.len()];
        rows.numbers().count(docs, &mut lanes);
        let sums: Vec<u32> = lanes.iter().map(|lanes| lanes.iter().sum()).collect();
        Rows::seen(&sums)
    }

    #[test]
    fn counting_by_rows_is_counting_each_field() {
        let columns = columns(50_000, &[2, 3, 5, 7, 11, 13, 400, 30_000]);
        let rows = Rows::of(&columns, 50_000);
        let docs: Vec<u32> = (0..50_000).filter(|doc| doc % 17 != 0).collect();
        let seen = counted(&rows, &docs);
        let together: Vec<usize> = (0..8).filter(|field| rows.pays(*field, 47_058)).collect();
        // 2 · 3 · 5 · 7 are 210 rows of at most 781; with 11 there would be 2310.
        assert_eq!(together, [0, 1, 2, 3]);
        for field in together {
            let (mut by_row, mut by_doc) = (vec![0; 400], vec![0; 400]);
            let by_set = rows.by_set(field, columns[field].n_sets(), &seen);
            columns[field].add_sets(&by_set, &mut by_row);
            columns[field].count(&docs, &mut by_doc);
            assert_eq!(by_row, by_doc, "field {field}");
        }
        assert!(
            !rows.pays(0, 210),
            "as many documents as rows are counted one by one"
        );
    }

    #[test]
    fn a_segment_without_documents_or_values_has_a_row() {
        for n_docs in [0, 10] {
            let columns = columns(n_docs, &[]);
            let rows = Rows::of(&columns, n_docs);
            let docs: Vec<u32> = (0..n_docs).collect();
            assert_eq!(counted(&rows, &docs).len(), usize::from(n_docs > 0));
        }
    }
}
