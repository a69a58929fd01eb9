//! Seeds.
#[test]
fn x() {}
