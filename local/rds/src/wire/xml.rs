//! Answers of the query protocol.

use super::Paging;
use crate::fault::Fault;
use std::fmt::Display;

/// What can be written into an answer.
pub trait Render {
    /// Writes its elements.
    fn render(&self, xml: &mut Xml);
}

/// Writes XML.
#[derive(Debug)]
pub struct Xml(String);

impl Xml {
    /// A whole answer.
    pub fn answer(operation: &str, result: &impl Render) -> String {
        let mut xml = Self(String::new());
        xml.open(&format!(
            "{operation}Response xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\""
        ));
        xml.nest(&format!("{operation}Result"), |xml| result.render(xml));
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
        for part in ["<", name, ">"] {
            self.0.push_str(part);
        }
    }

    fn close(&mut self, name: &str) {
        for part in ["</", name, ">"] {
            self.0.push_str(part);
        }
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

/// A part of a list, and where the next part begins.
#[derive(Debug)]
pub struct Page<T> {
    list: &'static str,
    item: &'static str,
    values: Vec<T>,
    next: Option<String>,
}

impl<T> Page<T> {
    /// The part of `values` that a client asked for; `list` and `item` are what the elements are called.
    pub fn of(
        (list, item): (&'static str, &'static str),
        values: Vec<T>,
        paging: &Paging,
    ) -> Result<Self, Fault> {
        let (values, next) = paging.cut(values)?;
        Ok(Self {
            list,
            item,
            values,
            next,
        })
    }
}

impl<T: Render> Render for Page<T> {
    fn render(&self, xml: &mut Xml) {
        xml.list(self.list, self.item, &self.values, |xml, value| {
            value.render(xml);
        });
        xml.maybe("Marker", self.next.as_ref());
    }
}
