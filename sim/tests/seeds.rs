//! Seeds.
#[test] fn x() {}
