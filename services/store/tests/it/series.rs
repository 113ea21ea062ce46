use gantry_asset::{Asset, Days};

use crate::record::{Record, asset, id, record};

/// A daily file of a series.
fn daily(day: u32, size_bytes: u64) -> Asset {
    let label = format!("2023-{day:03}");
    let mut daily = asset(&format!("brux-{label}"), size_bytes);
    daily.series = Some(id("~brux"));
    daily.days = Some(Days {
        first: label.clone(),
        last: label,
    });
    daily.facets.add("station", "BRUX00BEL");
    daily
        .facets
        .add("sampling", if day == 2 { "1 s" } else { "30 s" });
    daily
}

/// The series that stands for them.
fn series() -> Asset {
    let mut series = asset("~brux", 0);
    series.files.clear();
    series
}

fn listed(days: &[u32]) -> Vec<Asset> {
    days.iter()
        .map(|day| daily(*day, 100))
        .chain([series()])
        .collect()
}

/// What the series stands for now: members, bytes, days there, days spanned, first and last.
async fn stands_for(
    record: &Record,
) -> Option<(u64, Option<u64>, Option<u64>, Option<u64>, String)> {
    record.sum_up_series().await.unwrap();
    let found = record.asset(&id("~brux"), None).await.unwrap();
    if found.withdrawn.is_some() {
        return None;
    }
    let members = found.members?;
    let days = found.asset.days.unwrap();
    Some((
        members.total,
        members.size_bytes,
        members.n_days,
        members.n_days_spanned,
        format!("{}/{}", days.first, days.last),
    ))
}

#[tokio::test]
async fn a_series_stands_for_its_members_and_says_which_share_of_the_days_is_there() {
    let record = record().await;
    record.harvested(&listed(&[1, 2, 4])).await;
    let expected = (
        3,
        Some(300),
        Some(3),
        Some(4),
        "2023-001/2023-004".to_owned(),
    );
    assert_eq!(stands_for(&record).await, Some(expected));
    let facets = record.asset(&id("~brux"), None).await.unwrap().asset.facets;
    assert_eq!(facets.get("station"), ["BRUX00BEL"]);
    assert_eq!(facets.get("sampling"), ["30 s", "1 s"]);
    let members = record.members_of(&id("~brux"), 10).await.unwrap();
    assert_eq!(
        members,
        [
            id("brux-2023-001"),
            id("brux-2023-002"),
            id("brux-2023-004")
        ]
    );
}

#[tokio::test]
async fn a_series_follows_its_members_and_takes_a_number_only_when_it_stands_for_something_else() {
    let record = record().await;
    record
        .harvested(&listed(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]))
        .await;
    stands_for(&record).await;
    let number = record.change_number().await.unwrap();
    record
        .harvested(&listed(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]))
        .await;
    assert_eq!(record.sum_up_series().await.unwrap(), 0);
    assert_eq!(record.change_number().await.unwrap(), number);

    // One is withdrawn: a change of its own, and one of the series.
    record
        .harvested(&listed(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]))
        .await;
    let (total, ..) = stands_for(&record).await.unwrap();
    assert_eq!(
        (total, record.change_number().await.unwrap()),
        (11, number + 2)
    );
}

#[tokio::test]
async fn members_that_come_before_their_series_are_counted_when_it_comes() {
    let record = record().await;
    record.harvested(&[daily(1, 100)]).await;
    assert_eq!(record.sum_up_series().await.unwrap(), 1);
    record.harvested(&listed(&[1])).await;
    assert_eq!(stands_for(&record).await.unwrap().0, 1);
}

#[tokio::test]
async fn a_member_that_changes_its_series_leaves_the_first_which_then_has_none_and_is_gone() {
    let record = record().await;
    record.harvested(&listed(&[1])).await;
    stands_for(&record).await;
    let mut moved = daily(1, 100);
    moved.series = Some(id("~other"));
    record.harvested(&[moved, series()]).await;
    assert_eq!(stands_for(&record).await, None);
}
