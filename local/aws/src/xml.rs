//! What is wanted of an answer in XML: the texts of some elements.

/// The texts of all elements of this name, in order. An element that has others inside is none of these.
#[must_use]
pub fn all<'a>(xml: &'a str, name: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let after = xml.split(open.as_str()).skip(1);
    after
        .filter_map(|rest| Some(rest.split_once(close.as_str())?.0))
        .collect()
}

/// The text of the first element of this name.
#[must_use]
pub fn first<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    all(xml, name).into_iter().next()
}
