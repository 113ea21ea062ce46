//! A search as it stands in an address.

use chrono::{DateTime, Utc};
use gantry_asset::{DayRange, FacetPath};
use gantry_search::{Collapse, Frame, Query, Region, RegionError};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::extract::once;
use crate::format::encode;
use crate::names::{Names, is_name};
use crate::problem::{BAD_REQUEST, Problem, UNPROCESSABLE};
use crate::rest::table::Format;

/// The parameters of a search.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SearchParams {
    /// Words, `"phrases"`, `-not`, `field:value`, `prefix*`.
    #[serde(deserialize_with = "once")]
    pub(crate) q: Option<String>,
    /// Selected facets, `field/path`; OR within a field, AND between fields; `year/2019..2023` is a range.
    pub(crate) facet: Vec<String>,
    /// A half-open UTC interval, `2010-01-01/2011-01-01`, that the coverage overlaps.
    #[serde(deserialize_with = "once")]
    pub(crate) time: Option<String>,
    /// `series` (default) or `none`.
    #[serde(deserialize_with = "once")]
    pub(crate) collapse: Option<String>,
    /// `relevance` (default), `newest`, `time`, `title` or `size`.
    #[serde(deserialize_with = "once")]
    pub(crate) sort: Option<String>,
    /// How many hits, at most 1000; 20 by default.
    #[serde(deserialize_with = "once")]
    pub(crate) limit: Option<u32>,
    /// Where the page before ended; take `next` as it is.
    #[serde(deserialize_with = "once")]
    pub(crate) after: Option<String>,
    /// Facet fields to count, separated by commas.
    #[serde(deserialize_with = "once")]
    pub(crate) facets: Option<String>,
    /// A region of the sky that the coverage meets, in degrees: `CIRCLE ra dec radius`, `RANGE ra1 ra2 dec1 dec2`,
    /// `POLYGON ra1 dec1 ra2 dec2 ra3 dec3 …`. What covers the whole sky stands behind what does not. Where the service
    /// looks up names also the name of an object, with a radius if it is not to be 1 degree: `M31`, `M31, 0.5`.
    #[serde(deserialize_with = "once")]
    pub(crate) pos: Option<String>,
    /// The frame of `pos`: `icrs` (default) or `galactic`.
    #[serde(deserialize_with = "once")]
    pub(crate) frame: Option<String>,
    /// Nominal days that the coverage holds: `2023-001`, `2023-100/2023-130`, a GPS week and day `2238/3`.
    #[serde(deserialize_with = "once")]
    pub(crate) days: Option<String>,
    /// Places within a distance, `lat,lon,km`: WGS84 degrees, along a great circle of a sphere of 6371.0088 km.
    #[serde(deserialize_with = "once")]
    pub(crate) near: Option<String>,
    /// Places in a box, `west,south,east,north` in WGS84 degrees; `west` larger than `east` crosses the antimeridian.
    #[serde(deserialize_with = "once")]
    pub(crate) bbox: Option<String>,
    /// `csv`, `votable` or `jsonl`: all matches as a file, whatever `Accept` says; `json` is a page.
    #[serde(deserialize_with = "once")]
    pub(crate) format: Option<String>,
    /// Only what is new or has changed since this change of the catalogue; a saved search says which its owner has seen.
    #[serde(deserialize_with = "once")]
    pub(crate) since: Option<u64>,
    /// `list` (default) or `cards`: how the search page shows its hits; an answer in JSON is the same.
    #[serde(deserialize_with = "once")]
    pub(crate) view: Option<String>,
}

impl SearchParams {
    /// The table that is asked for by the address, if there is one.
    pub(crate) fn table(&self) -> Result<Option<Format>, Problem> {
        let format = self.format.as_deref().filter(|format| *format != "json");
        let read = |format| read_one(format, "format", "json, csv, votable, jsonl");
        format.map(read).transpose()
    }

    /// Leaves out regions and times that cannot be read: the name of each, and what is wrong with it.
    pub(crate) fn leave_out_unread(&mut self) -> Vec<(&'static str, String)> {
        let frame = self.frame.clone();
        let mut left_out = Vec::new();
        let mut mind =
            |name, value: &mut Option<String>, alone: &dyn Fn(Option<String>) -> Self| {
                if let Err(problem) = alone(value.clone()).query() {
                    *value = None;
                    left_out.push((name, problem.detail));
                }
            };
        let none = Self::default;
        mind("time", &mut self.time, &|time| Self { time, ..none() });
        mind("days", &mut self.days, &|days| Self { days, ..none() });
        mind("near", &mut self.near, &|near| Self { near, ..none() });
        mind("bbox", &mut self.bbox, &|bbox| Self { bbox, ..none() });
        if !self.pos.as_deref().is_some_and(is_name) {
            let frame = || frame.clone();
            mind("pos", &mut self.pos, &|pos| Self {
                pos,
                frame: frame(),
                ..none()
            });
        }
        left_out
    }

    /// Puts the region in the place of an object's name; a sentence on where the object is.
    pub(crate) async fn locate(&mut self, names: &Names) -> Result<Option<String>, Problem> {
        let Some(name) = self
            .pos
            .as_deref()
            .filter(|pos| !pos.trim().is_empty() && is_name(pos))
        else {
            return Ok(None);
        };
        let (region, sentence) = names.region(name).await?;
        (self.pos, self.frame) = (Some(region), None);
        Ok(Some(sentence))
    }

    /// The search these parameters ask for.
    pub(crate) fn query(&self) -> Result<Query, Problem> {
        let frame = self.frame()?;
        self.check_view()?;
        Ok(Query {
            q: self.q.clone().unwrap_or_default(),
            facets: self
                .facet
                .iter()
                .map(|text| facet(text))
                .collect::<Result<_, _>>()?,
            time: self.time.as_deref().map(interval).transpose()?,
            days: self.days.as_deref().map(days).transpose()?,
            pos: region("pos", &self.pos, |text| Region::read_pos(text, frame))?,
            near: region("near", &self.near, Region::read_near)?,
            bbox: region("bbox", &self.bbox, Region::read_bbox)?,
            sort: one_of(
                self.sort.as_deref(),
                "sort",
                "relevance, newest, time, title, size",
            )?,
            limit: limit(self.limit)?,
            after: self.after.clone(),
            fields: self.facets.as_ref().map(|fields| {
                fields
                    .split(',')
                    .map(|field| field.trim().to_owned())
                    .collect()
            }),
            collapse: one_of::<Collapse>(self.collapse.as_deref(), "collapse", "series, none")?,
            changed_after: self.since,
            spots: false,
        })
    }

    /// Whether the search page shows its hits as cards.
    pub(crate) fn is_cards(&self) -> bool {
        self.view.as_deref() == Some("cards")
    }

    fn check_view(&self) -> Result<(), Problem> {
        match self.view.as_deref() {
            None | Some("list" | "cards") => Ok(()),
            Some(other) => Err(Problem::new(
                &UNPROCESSABLE,
                format!("view=`{other}`: allowed is one of list, cards"),
            )),
        }
    }

    /// The frame that `pos` is in.
    fn frame(&self) -> Result<Frame, Problem> {
        match self.frame.as_deref() {
            None | Some("icrs") => Ok(Frame::Icrs),
            Some("galactic") => Ok(Frame::Galactic),
            Some(other) => Err(Problem::new(
                &UNPROCESSABLE,
                format!("frame=`{other}`: allowed is one of icrs, galactic"),
            )),
        }
    }

    /// These parameters as they stand in an address, without paging, in a fixed order.
    pub(crate) fn to_text(&self) -> String {
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        let since = self.since.map(|since| since.to_string());
        let options = [
            ("q", &self.q),
            ("time", &self.time),
            ("pos", &self.pos),
            (
                "frame",
                if self.pos.is_some() {
                    &self.frame
                } else {
                    &None
                },
            ),
            ("days", &self.days),
            ("near", &self.near),
            ("bbox", &self.bbox),
            ("collapse", &self.collapse),
            ("sort", &self.sort),
            ("since", &since),
            ("view", &self.view),
        ];
        pairs.extend(
            options
                .iter()
                .filter_map(|(name, value)| Some((*name, value.as_deref()?))),
        );
        pairs.extend(self.facet.iter().map(|facet| ("facet", facet.as_str())));
        pairs
            .iter()
            .map(|(name, value)| format!("{name}={}", encode(value)))
            .collect::<Vec<_>>()
            .join("&")
    }

    /// The address of the page of results after a cursor.
    pub(crate) fn page_after(&self, route: &str, after: &str) -> String {
        let mut text = self.to_text();
        if let Some(limit) = self.limit {
            text.push_str(&format!("&limit={limit}"));
        }
        if let Some(fields) = &self.facets {
            text.push_str(&format!("&facets={}", encode(fields)));
        }
        if let Some(format) = &self.format {
            text.push_str(&format!("&format={}", encode(format)));
        }
        format!("{route}?{text}&after={}", encode(after)).replace("?&", "?")
    }
}

fn facet(text: &str) -> Result<FacetPath, Problem> {
    let facet = FacetPath::parse(text).ok_or_else(|| {
        Problem::new(
            &BAD_REQUEST,
            format!("facet=`{text}`: write it as field/value, as in facet=instrument/HFI"),
        )
    })?;
    if gantry_asset::vocabulary().field(&facet.field).is_none() {
        let known: Vec<&str> = gantry_asset::vocabulary()
            .fields
            .iter()
            .map(|field| field.name.as_str())
            .collect();
        return Err(Problem::new(
            &BAD_REQUEST,
            format!(
                "facet=`{text}`: there is no field `{}`; there are {}",
                facet.field,
                known.join(", ")
            ),
        ));
    }
    Ok(facet)
}

fn region(
    name: &str,
    value: &Option<String>,
    read: impl Fn(&str) -> Result<Region, RegionError>,
) -> Result<Option<Region>, Problem> {
    let read = |text: &String| {
        read(text).map_err(|error| {
            let text: String = text.chars().take(80).collect();
            Problem::new(&UNPROCESSABLE, format!("{name}=`{text}`: {error}"))
        })
    };
    value.as_ref().map(read).transpose()
}

fn one_of<T: serde::de::DeserializeOwned + Default>(
    value: Option<&str>,
    name: &str,
    allowed: &str,
) -> Result<T, Problem> {
    value.map_or_else(|| Ok(T::default()), |value| read_one(value, name, allowed))
}

fn read_one<T: serde::de::DeserializeOwned>(
    value: &str,
    name: &str,
    allowed: &str,
) -> Result<T, Problem> {
    serde_json::from_value(serde_json::Value::String(value.to_owned())).map_err(|_| {
        Problem::new(
            &BAD_REQUEST,
            format!("{name}=`{value}`: allowed is one of {allowed}"),
        )
    })
}

/// The number of things on a page.
pub(crate) fn limit(asked: Option<u32>) -> Result<usize, Problem> {
    match asked {
        None => Ok(20),
        Some(n @ 0..=1000) => Ok(n as usize),
        Some(n) => Err(Problem::new(
            &BAD_REQUEST,
            format!("limit=`{n}`: allowed is 0 to 1000"),
        )),
    }
}

fn days(text: &str) -> Result<DayRange, Problem> {
    text.parse().map_err(|error| {
        Problem::new(
            &BAD_REQUEST,
            format!("days: {error}; a range has a `/` between its days, as in 2023-100/2023-130"),
        )
    })
}

fn interval(text: &str) -> Result<(DateTime<Utc>, DateTime<Utc>), Problem> {
    let fail = || {
        Problem::new(
            &BAD_REQUEST,
            format!("time=`{text}`: write it as start/end in UTC, as in 2010-01-01/2011-01-01"),
        )
    };
    let (start, end) = text.split_once('/').ok_or_else(fail)?;
    let (start, end) = (
        instant(start).ok_or_else(fail)?,
        instant(end).ok_or_else(fail)?,
    );
    if start < end {
        Ok((start, end))
    } else {
        Err(fail())
    }
}

fn instant(text: &str) -> Option<DateTime<Utc>> {
    let day = || {
        chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .ok()?
            .and_hms_opt(0, 0, 0)
            .map(|time| time.and_utc())
    };
    DateTime::parse_from_rfc3339(text)
        .ok()
        .map(|time| time.to_utc())
        .or_else(day)
}
