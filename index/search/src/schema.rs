//! The fields of the index and how an asset fills them.
//!
//! `text` is the catch-all that words are looked up in, `title` what people read first, `id` and `name` ids and file names
//! whole. Every facet field of the vocabulary is a column of its own, `facet_<field>`, holding each value and each of
//! its ancestors. The JSON of a hit is stored and copied through.

use std::borrow::Cow;
use std::sync::LazyLock;

use gantry_asset::{Asset, AssetId, Day, Days, FacetPath, vocabulary};
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, NumericOptions, STORED, Schema, SchemaBuilder,
    TextFieldIndexing, TextOptions,
};
use tantivy::{IndexSettings, IndexSortByField, Order, TantivyDocument, Term};

use crate::follow::IndexedAsset;
use crate::sky::coverage::{Written, of_place, of_sky};
use crate::sky::search::CoverageFields;
use crate::synonyms::synonyms;
use crate::text::{ANALYZER, fold, parts};

/// Raised when documents are made in another way than before; the index is then built anew.
const VERSION: u32 = 7;

/// Values larger than any that occur stand for "unknown" where small comes first.
pub(crate) const NO_TIME: i64 = i64::MAX;

/// The most file names of one asset that are words of it.
const MOST_NAMES: usize = 50;

/// The index's fields.
pub(crate) struct Fields {
    /// The schema they are of.
    pub(crate) schema: Schema,
    /// The id, raw; deleting goes by it, its column orders ties, and it is a name.
    pub(crate) id: Field,
    /// Everything, in words.
    pub(crate) text: Field,
    /// Title and synonyms, in words.
    pub(crate) title: Field,
    /// Names of files other than the id, whole, those of other letters folded.
    pub(crate) name: Field,
    /// The title to sort by.
    pub(crate) title_order: Field,
    /// The static rank.
    pub(crate) rank: Field,
    /// The version.
    pub(crate) version: Field,
    /// The archive's date and the number in the catalogue.
    pub(crate) newest: Field,
    /// The size.
    pub(crate) size: Field,
    /// Start and end of the time covered.
    pub(crate) start: Field,
    /// See `start`.
    pub(crate) end: Field,
    /// First and last nominal day covered, by number.
    pub(crate) first_day: Field,
    /// See `first_day`.
    pub(crate) last_day: Field,
    /// What is covered of the sky.
    pub(crate) sky: CoverageFields,
    /// The place on the Earth.
    pub(crate) place: CoverageFields,
    /// Single asset, member of a series, or series.
    pub(crate) shape: Field,
    /// The JSON of a hit.
    pub(crate) view: Field,
    /// The facet fields, in the order of the vocabulary.
    pub(crate) facets: Vec<Field>,
}

static FIELDS: LazyLock<Fields> = LazyLock::new(Fields::new);

/// The fields of the index.
pub(crate) fn fields() -> &'static Fields {
    &FIELDS
}

/// What an asset is to a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Single,
    Member,
    Series,
}

impl Shape {
    fn of(indexed: &IndexedAsset) -> Self {
        let asset = &indexed.asset;
        match &asset.series {
            Some(_) => Self::Member,
            None if asset.is_series() => Self::Series,
            None => Self::Single,
        }
    }

    /// Its number in the column.
    pub(crate) fn number(self) -> u64 {
        match self {
            Self::Single => 0,
            Self::Member => 1,
            Self::Series => 2,
        }
    }
}

impl Fields {
    fn new() -> Self {
        let mut schema = Schema::builder();
        let raw = || {
            TextFieldIndexing::default()
                .set_tokenizer("raw")
                .set_fieldnorms(false)
        };
        let raw = || {
            TextOptions::default()
                .set_indexing_options(raw().set_index_option(IndexRecordOption::Basic))
        };
        let words = TextFieldIndexing::default()
            .set_tokenizer(ANALYZER)
            .set_fieldnorms(false);
        let words = words.set_index_option(IndexRecordOption::WithFreqsAndPositions);
        let words = TextOptions::default().set_indexing_options(words);
        let column = || TextOptions::default().set_fast("raw");
        let number = || NumericOptions::from(FAST);
        let coverage = |schema: &mut SchemaBuilder, of: &str| CoverageFields {
            terms: schema.add_u64_field(&format!("{of}_terms"), NumericOptions::from(INDEXED)),
            shape: schema.add_f64_field(&format!("{of}_shape"), number()),
            cells: schema.add_u64_field(&format!("{of}_cells"), number()),
        };
        Self {
            id: schema.add_text_field("id", raw().set_fast("raw").set_stored()),
            text: schema.add_text_field("text", words.clone()),
            title: schema.add_text_field("title", words),
            name: schema.add_text_field("name", raw()),
            title_order: schema.add_text_field("title_order", column()),
            rank: schema.add_u64_field("rank", number()),
            version: schema.add_u64_field("version", number()),
            newest: schema.add_u64_field("newest", number()),
            size: schema.add_u64_field("size", number()),
            start: schema.add_i64_field("start", number()),
            end: schema.add_i64_field("end", number()),
            first_day: schema.add_i64_field("first_day", number()),
            last_day: schema.add_i64_field("last_day", number()),
            sky: coverage(&mut schema, "sky"),
            place: coverage(&mut schema, "place"),
            shape: schema.add_u64_field("shape", number()),
            view: schema.add_text_field("view", STORED),
            facets: vocabulary()
                .fields
                .iter()
                .map(|f| schema.add_text_field(&column_of(&f.name), column()))
                .collect(),
            schema: schema.build(),
        }
    }

    /// The term an asset is deleted by.
    pub(crate) fn id_term(&self, id: &str) -> Term {
        Term::from_field_text(self.id, id)
    }
}

/// The name of a facet field's column.
pub(crate) fn column_of(field: &str) -> String {
    format!("facet_{field}")
}

/// Documents lie in the order of their rank, so that the first set bits are the best without words.
pub(crate) fn settings() -> IndexSettings {
    let by_rank = IndexSortByField {
        field: "rank".to_owned(),
        order: Order::Desc,
    };
    IndexSettings {
        sort_by_field: Some(by_rank),
        // A page of hits reads some twenty blocks, so small ones are faster by more than they cost in room.
        docstore_blocksize: 4_096,
        ..IndexSettings::default()
    }
}

/// The name of this schema in the index directory: the version and a hash of all fields.
pub(crate) fn schema_name() -> String {
    let json = serde_json::to_vec(&fields().schema).expect("a schema is plain JSON");
    let hash = json.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("v{VERSION}.{:08x}", hash >> 32)
}

/// The document of an asset that has this number in the catalogue.
pub(crate) fn document(indexed: &IndexedAsset, number: u64) -> TantivyDocument {
    let f = fields();
    let asset = &indexed.asset;
    let mut document = TantivyDocument::new();
    document.add_text(f.id, asset.id.as_str());
    document.add_text(f.title_order, fold(&asset.title));
    document.add_u64(f.rank, u64::from(asset.rank));
    document.add_u64(f.version, u64::from(indexed.version));
    document.add_u64(f.newest, newest(asset, number));
    document.add_u64(
        f.size,
        indexed
            .size_bytes
            .map_or(0, |bytes| bytes.saturating_add(1)),
    );
    let micros = |at: chrono::DateTime<chrono::Utc>| at.timestamp_micros();
    document.add_i64(
        f.start,
        asset.time.map_or(NO_TIME, |time| micros(time.start)),
    );
    document.add_i64(f.end, asset.time.map_or(i64::MIN, |time| micros(time.end)));
    let days = asset.days.as_ref().and_then(Days::range);
    let number = |day: Day| i64::from(day.number());
    document.add_i64(f.first_day, days.map_or(NO_TIME, |days| number(days.first)));
    document.add_i64(f.last_day, days.map_or(i64::MIN, |days| number(days.last)));
    document.add_u64(f.shape, Shape::of(indexed).number());
    document.add_text(f.view, indexed.view.get());
    let sky = asset.sky.as_ref().and_then(of_sky);
    add_coverage(&mut document, f.sky, sky);
    add_coverage(
        &mut document,
        f.place,
        asset.place.as_ref().and_then(of_place),
    );
    add_words(&mut document, asset);
    add_facets(&mut document, asset);
    document
}

fn add_coverage(document: &mut TantivyDocument, fields: CoverageFields, written: Option<Written>) {
    let Some(written) = written else { return };
    for term in written.terms {
        document.add_u64(fields.terms, term);
    }
    for number in written.shape {
        document.add_f64(fields.shape, number);
    }
    for range in written.cells {
        document.add_u64(fields.cells, range);
    }
}

fn add_words(document: &mut TantivyDocument, asset: &Asset) {
    let f = fields();
    for text in std::iter::once(&asset.title).chain(&asset.synonyms) {
        document.add_text(f.title, text);
    }
    document.add_text(f.text, &asset.description);
    document.add_text(f.text, asset.id.as_str());
    let names = asset.files.iter().take(MOST_NAMES);
    let names = names.map(|file| file.name.as_str());
    // The parts of an id often end with those of its file's name.
    let is_other = |name: &&str| !asset.id.local().ends_with(*name);
    for name in names.clone().filter(is_other) {
        document.add_text(f.text, name);
    }
    for name in names.filter(|name| !name.eq_ignore_ascii_case(asset.id.local())) {
        // The case of plain letters is minded when it is looked up.
        let name = if name.is_ascii() {
            name.into()
        } else {
            Cow::from(fold(name))
        };
        document.add_text(f.name, name);
    }
}

fn add_facets(document: &mut TantivyDocument, asset: &Asset) {
    let mut steps: Vec<&str> = Vec::new();
    for (field, column) in vocabulary().fields.iter().zip(&fields().facets) {
        steps.clear();
        steps.extend(values_of(asset, &field.name).flat_map(FacetPath::ancestors));
        steps.sort_unstable();
        steps.dedup();
        let each = steps.iter();
        each.for_each(|step| document.add_text(*column, step));
    }
}

/// The values of a facet field, those that follow from the asset itself included.
fn values_of<'a>(asset: &'a Asset, field: &str) -> impl Iterator<Item = &'a str> {
    let (one, others): (_, &[String]) = match field {
        "archive" => (asset.id.as_str().split(':').next(), &[]),
        "kind" => (Some(asset.kind.as_str()), &[]),
        // A series is in itself, so that it and its members are told together.
        "series" if asset.is_series() => (Some(asset.id.as_str()), &[]),
        "series" => (asset.series.as_ref().map(AssetId::as_str), &[]),
        _ => (None, asset.facets.get(field)),
    };
    let all = one.into_iter().chain(others.iter().map(String::as_str));
    all.filter(|value| !value.is_empty())
}

/// The archive's latest date in seconds, above the number in the catalogue.
fn newest(asset: &Asset, number: u64) -> u64 {
    let modified = asset.files.iter().filter_map(|file| file.modified).max();
    let seconds = modified.map_or(0, |at| {
        u32::try_from(at.timestamp().max(0)).unwrap_or(u32::MAX)
    });
    u64::from(seconds) << 32 | u64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// The number of an asset's last change in the catalogue, of [`newest`].
pub(crate) fn change_of(newest: u64) -> u64 {
    newest & u64::from(u32::MAX)
}

/// The parts of a facet value that say something beside a number: `100 GHz` → `100`.
pub(crate) fn telling_parts(value: &str) -> Vec<String> {
    let all = parts(value);
    let telling: Vec<_> = all
        .iter()
        .filter(|part| !synonyms().is_unit(part))
        .cloned()
        .collect();
    if telling.is_empty() { all } else { telling }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_has_a_name_that_a_directory_can_bear() {
        let name = schema_name();
        assert!(
            name.starts_with("v7.") && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.'),
            "{name}"
        );
    }

    #[test]
    fn a_unit_says_nothing_beside_its_number() {
        assert_eq!(telling_parts("100 GHz"), ["100"]);
        assert_eq!(telling_parts("353-psb"), ["353", "psb"]);
    }
}
