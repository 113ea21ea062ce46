//! Site logs as GeodesyML.

use std::io::Read;

use super::{Equipment, Form, MAX_EQUIPMENT, SiteLog, SiteLogError, checked_id, date};
use crate::lines::{MAX_FAULTS, number, some};
use crate::xml::{Node, Xml, XmlLimits};

/// Parts that make the nine characters of an id.
#[derive(Default)]
struct IdParts {
    monument: String,
    receiver: String,
    country: String,
}

pub(super) fn read(reader: impl Read, limits: XmlLimits) -> Result<SiteLog, SiteLogError> {
    let mut xml = Xml::new(reader, limits)?;
    let mut log = SiteLog {
        form: Form::GeodesyMl,
        ..SiteLog::default()
    };
    let mut parts = IdParts::default();
    let mut n_logs = 0;
    loop {
        match xml.next()? {
            Node::EndOfDocument => break,
            Node::Start(element) => match element.name.as_str() {
                root if xml.open().len() == 1 && root != "GeodesyML" => {
                    let what = format!("the root element is `{root}` and not `GeodesyML`");
                    return Err(SiteLogError::NotOne(what));
                }
                "siteLog" => {
                    n_logs += 1;
                    if n_logs > 1 {
                        log.faults
                            .push("a second site log in the document is passed over".to_owned());
                        xml.skip()?;
                    }
                }
                "GnssReceiver" => push(&mut log.receivers)?,
                "GnssAntenna" => push(&mut log.antennas)?,
                name if is_read(name) => {
                    let within = xml.open().to_vec();
                    let text = xml.text()?;
                    take(&mut log, &mut parts, &within, &text);
                }
                _ => {}
            },
            _ => {}
        }
    }
    finish(log, &parts)
}

fn push(all: &mut Vec<Equipment>) -> Result<(), SiteLogError> {
    if all.len() >= MAX_EQUIPMENT {
        let what = format!("more than {MAX_EQUIPMENT} receivers or antennas");
        return Err(SiteLogError::NotOne(what));
    }
    all.push(Equipment::default());
    Ok(())
}

/// Elements whose text is taken.
fn is_read(name: &str) -> bool {
    matches!(
        name,
        "fourCharacterID"
            | "nineCharacterID"
            | "siteName"
            | "iersDOMESNumber"
            | "monumentNumber"
            | "receiverNumber"
            | "datePrepared"
            | "city"
            | "countryCodeISO"
            | "pos"
            | "igsModelCode"
            | "manufacturerSerialNumber"
            | "satelliteSystem"
            | "firmwareVersion"
            | "antennaRadomeType"
            | "dateInstalled"
            | "dateRemoved"
    )
}

/// Puts a text where it belongs, by the elements it stands in.
fn take(log: &mut SiteLog, parts: &mut IdParts, within: &[String], text: &str) {
    let name = within.last().map_or("", String::as_str);
    let is_in = |element: &str| within.iter().any(|open| open == element);
    let outcome = if is_in("GnssReceiver") {
        device(log.receivers.last_mut(), name, text)
    } else if is_in("GnssAntenna") {
        device(log.antennas.last_mut(), name, text)
    } else if is_in("siteIdentification") {
        identity(log, parts, name, text)
    } else if is_in("siteLocation") {
        place(log, parts, is_in("cartesianPosition"), name, text)
    } else if name == "datePrepared" {
        date(some(text).as_deref()).map(|day| log.prepared = day)
    } else {
        Ok(())
    };
    if let Err(fault) = outcome
        && log.faults.len() < MAX_FAULTS
    {
        log.faults.push(format!("{name}: {fault}"));
    }
}

fn identity(log: &mut SiteLog, parts: &mut IdParts, name: &str, text: &str) -> Result<(), String> {
    match name {
        "fourCharacterID" => log.id = checked_id(text, 4)?,
        "nineCharacterID" if !text.is_empty() => log.long_id = Some(checked_id(text, 9)?),
        "siteName" => log.name = some(text),
        "iersDOMESNumber" => log.domes = some(text),
        "monumentNumber" => text.clone_into(&mut parts.monument),
        "receiverNumber" => text.clone_into(&mut parts.receiver),
        _ => {}
    }
    Ok(())
}

fn place(
    log: &mut SiteLog,
    parts: &mut IdParts,
    is_cartesian: bool,
    name: &str,
    text: &str,
) -> Result<(), String> {
    match name {
        "city" => log.city = some(text),
        "countryCodeISO" => {
            text.clone_into(&mut parts.country);
            log.country = some(text);
        }
        "pos" if !text.is_empty() => {
            let mut numbers = text.split_whitespace().map(number);
            let three = [numbers.next(), numbers.next(), numbers.next()].map(Option::flatten);
            let [Some(a), Some(b), Some(c)] = three else {
                return Err(format!("`{text}` is no position of three numbers"));
            };
            if is_cartesian {
                log.position_m = Some([a, b, c]);
            } else if a.abs() <= 90.0 && b.abs() <= 360.0 {
                (log.latitude_deg, log.longitude_deg, log.height_m) = (Some(a), Some(b), Some(c));
            } else {
                return Err(format!("`{text}` is no latitude, longitude and height"));
            }
        }
        _ => {}
    }
    Ok(())
}

fn device(device: Option<&mut Equipment>, name: &str, text: &str) -> Result<(), String> {
    let Some(device) = device else { return Ok(()) };
    match name {
        "igsModelCode" => text.clone_into(&mut device.kind),
        "manufacturerSerialNumber" => device.serial = some(text),
        "firmwareVersion" => device.firmware = some(text),
        "satelliteSystem" => {
            // One element for each system in newer documents.
            device.systems = match device.systems.take() {
                Some(systems) if systems.len() < 100 => Some(format!("{systems}+{text}")),
                Some(systems) => Some(systems),
                None => some(text),
            };
        }
        "antennaRadomeType" => device.radome = some(text),
        "dateInstalled" => device.installed = date(some(text).as_deref())?,
        "dateRemoved" => device.removed = date(some(text).as_deref())?,
        _ => {}
    }
    Ok(())
}

/// The log with its ids made whole.
fn finish(mut log: SiteLog, parts: &IdParts) -> Result<SiteLog, SiteLogError> {
    if log.id.is_empty() {
        if let Some(start) = log.long_id.as_deref().and_then(|id| id.get(..4)) {
            log.id = start.to_owned();
        } else {
            let what = "GeodesyML without fourCharacterID of a station".to_owned();
            return Err(SiteLogError::NotOne(what));
        }
    }
    if log.long_id.is_none() {
        let id = format!(
            "{}{}{}{}",
            log.id, parts.monument, parts.receiver, parts.country
        );
        log.long_id = checked_id(&id, 9).ok();
    }
    Ok(log)
}
