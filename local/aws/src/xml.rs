//! What is wanted of an answer in XML: what some elements contain.

/// What all elements of this name contain, in order. None of them has attributes, or another of its name inside.
#[must_use]
pub fn all<'a>(xml: &'a str, name: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let after = xml.split(open.as_str()).skip(1);
    after
        .filter_map(|rest| Some(rest.split_once(close.as_str())?.0))
        .collect()
}

/// What the first element of this name contains.
#[must_use]
pub fn first<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    all(xml, name).into_iter().next()
}
