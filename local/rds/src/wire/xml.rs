//! Answers of the query protocol.

use super::Paging;
use crate::fault::Fault;
use local_aws::words::word;
use serde::Serialize;
use std::fmt::Display;

/// What can be written into an answer.
pub trait Render {
    /// Writes its elements.
    fn render(&self, xml: &mut Xml);
}

/// Writes XML.
#[derive(Debug, Default)]
pub struct Xml(String);

impl Xml {
    /// One structure.
    pub fn one(name: &str, value: &impl Render) -> Self {
        let mut xml = Self::default();
        xml.nest(name, |xml| value.render(xml));
        xml
    }

    /// The part of `values` that a client asked for; `list` and `item` are what the elements are called.
    pub fn page(
        list: &str,
        item: &str,
        values: Vec<impl Render>,
        paging: &Paging,
    ) -> Result<Self, Fault> {
        let (values, next) = paging.cut(values)?;
        let mut xml = Self::default();
        xml.list(list, item, values, |xml, value| value.render(xml));
        xml.maybe("Marker", next);
        Ok(xml)
    }

    /// The whole answer of an operation with this result.
    pub fn answer(self, operation: &str) -> String {
        let mut xml = Self::default();
        xml.open(&format!(
            "{operation}Response xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\""
        ));
        xml.nest(&format!("{operation}Result"), |xml| xml.0.push_str(&self.0));
        xml.nest("ResponseMetadata", |xml| {
            xml.text("RequestId", uuid::Uuid::new_v4());
        });
        xml.close(&format!("{operation}Response"));
        xml.0
    }

    /// One element with a text.
    pub fn text(&mut self, name: &str, value: impl Display) {
        self.open(name);
        let value = value.to_string();
        self.0.push_str(&quick_xml::escape::escape(value.as_str()));
        self.close(name);
    }

    /// One element with a value that is serialized as a word.
    pub fn word(&mut self, name: &str, value: impl Serialize) {
        self.text(name, word(value));
    }

    /// One element, if there is anything to say.
    pub fn maybe(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// An element with elements in it.
    pub fn nest(&mut self, name: &str, content: impl FnOnce(&mut Self)) {
        self.open(name);
        content(self);
        self.close(name);
    }

    fn open(&mut self, name: &str) {
        self.0.extend(["<", name, ">"]);
    }

    fn close(&mut self, name: &str) {
        self.0.extend(["</", name, ">"]);
    }

    /// A list of structures.
    pub fn list<T>(
        &mut self,
        name: &str,
        item: &str,
        values: impl IntoIterator<Item = T>,
        write: impl Fn(&mut Self, T),
    ) {
        self.nest(name, |xml| {
            for value in values {
                xml.nest(item, |xml| write(xml, value));
            }
        });
    }

    /// A list of texts.
    pub fn texts<T: Display>(
        &mut self,
        name: &str,
        item: &str,
        values: impl IntoIterator<Item = T>,
    ) {
        self.nest(name, |xml| {
            for value in values {
                xml.text(item, value);
            }
        });
    }
}

impl Render for () {
    fn render(&self, _: &mut Xml) {}
}
