//! What is a region as it is written, and what is not.

use gantry_search::{Frame, Region};

#[test]
fn what_is_no_region_is_told_with_what_is_allowed() {
    let pos = |text: &str| Region::read_pos(text, Frame::Icrs).unwrap_err().to_string();
    let shapes = "write CIRCLE ra dec radius, RANGE ra1 ra2 dec1 dec2 or POLYGON ra1 dec1 ra2 dec2 ra3 dec3 …, in degrees";
    let half = "the corners of the POLYGON do not lie in one half of the sky (within 89 degrees of some middle), so which side is meant cannot be told; use CIRCLE or RANGE, or several searches";
    for (text, said) in [
        ("", format!("it is empty; {shapes}")),
        ("BOX 1 2 3 4", format!("`BOX` is no shape; {shapes}")),
        (
            "CIRCLE 10 20",
            "a CIRCLE has 3 numbers, ra dec radius, not 2".to_owned(),
        ),
        (
            "CIRCLE 360.5 20 1",
            "ra `360.5`: allowed is 0 to 360".to_owned(),
        ),
        (
            "CIRCLE 10 -91 1",
            "dec `-91`: allowed is -90 to 90".to_owned(),
        ),
        (
            "CIRCLE 10 20 -1",
            "radius `-1`: allowed is 0 to 180".to_owned(),
        ),
        ("CIRCLE 10 20 NaN", "`NaN` is no number".to_owned()),
        (
            "CIRCLE 10 20 inf",
            "radius `inf`: allowed is 0 to 180".to_owned(),
        ),
        (
            "RANGE 1 2 3",
            "a RANGE has 4 numbers, ra1 ra2 dec1 dec2, not 3".to_owned(),
        ),
        (
            "RANGE 1 2 4 3",
            "dec1 `4` is larger than dec2 `3`; give the smaller first".to_owned(),
        ),
        (
            "POLYGON 1 2 3 4 5",
            "a POLYGON has an even number of numbers, ra and dec of each corner, not 5".to_owned(),
        ),
        (
            "POLYGON 1 2 3 4",
            "a POLYGON of 2 corners; allowed are 3 to 100".to_owned(),
        ),
        (
            "POLYGON 1 2 1 2 3 4",
            "corner 1 of the POLYGON is the same as the next; each corner stands once".to_owned(),
        ),
        (
            "POLYGON 0 0 10 0 20 0",
            "the corners of the POLYGON lie on one great circle; it needs an area".to_owned(),
        ),
        (
            "POLYGON 0 0 10 0 20 0 30 0",
            "sides of the POLYGON cross or touch; give its corners in order around it".to_owned(),
        ),
        (
            "POLYGON 0 0 10 10 10 0 0 10",
            "sides of the POLYGON cross or touch; give its corners in order around it".to_owned(),
        ),
        ("POLYGON 0 0 120 0 240 0 0 60", half.to_owned()),
        ("POLYGON 0 0 180 0 90 10", half.to_owned()),
    ] {
        assert_eq!(pos(text), said, "{text}");
    }
    let many = (0..101).map(|n| format!(" {n} {}", if n < 50 { 10 } else { -10 }));
    let many = format!("POLYGON{}", many.collect::<String>());
    assert_eq!(pos(&many), "a POLYGON of 101 corners; allowed are 3 to 100");
    let near = |text: &str| Region::read_near(text).unwrap_err().to_string();
    assert_eq!(
        near("50.8,4.36"),
        "it has 2 numbers; write lat,lon,km, as in 50.8,4.36,100"
    );
    assert_eq!(near("91,4.36,1"), "lat `91`: allowed is -90 to 90");
    assert_eq!(near("50,4,-1"), "km `-1`: allowed is 0 to 20016");
    assert_eq!(near("here,4,1"), "`here` is no number");
    let bbox = |text: &str| Region::read_bbox(text).unwrap_err().to_string();
    assert_eq!(
        bbox("1,2,3"),
        "it has 3 numbers; write west,south,east,north, as in -10,35,30,60"
    );
    assert_eq!(
        bbox("0,50,10,40"),
        "south `50` is larger than north `40`; give the smaller first"
    );
    assert_eq!(bbox("181,0,10,40"), "west `181`: allowed is -180 to 180");
}

#[test]
fn a_polygon_that_is_closed_or_runs_the_other_way_is_the_same() {
    for pos in [
        "POLYGON 10 10 20 10 20 20 10 20",
        "POLYGON 10 20 20 20 20 10 10 10",
        "POLYGON 10 10 20 10 20 20 10 20 10 10",
        "polygon 350 80 80 80 170 80 260 80",
    ] {
        assert!(Region::read_pos(pos, Frame::Icrs).is_ok(), "{pos}");
    }
}
