//! AWS's query protocol: forms in, XML out.

mod filters;
mod form;
mod paging;
mod xml;

pub use filters::Filters;
pub use form::{Form, Request};
pub use paging::Paging;
pub use xml::{Page, Render, Xml};
