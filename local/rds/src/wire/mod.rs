//! AWS's query protocol: forms in, XML out.

mod filters;
mod form;
mod paging;
mod xml;

pub use filters::{Filters, is};
pub use form::Form;
pub use paging::Paging;
pub use xml::{Render, Xml};
