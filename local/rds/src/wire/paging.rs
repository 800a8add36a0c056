//! Long lists come in parts.

use super::Form;
use crate::fault::Fault;

/// Which part of a list a client wants.
#[derive(Debug)]
pub struct Paging {
    marker: Option<String>,
    size: usize,
}

impl Paging {
    /// Reads `MaxRecords` and `Marker`.
    pub fn read(form: &mut Form) -> Result<Self, Fault> {
        let size = form.parsed("MaxRecords")?.unwrap_or(100);
        if !(20..=100).contains(&size) {
            return Err(Fault::invalid_value(format!(
                "Invalid value {size} for MaxRecords. Must be between 20 and 100"
            )));
        }
        Ok(Self {
            marker: form.text("Marker"),
            size,
        })
    }

    /// The part of a list that is wanted, and the marker of the next part.
    pub fn cut<T>(&self, mut values: Vec<T>) -> Result<(Vec<T>, Option<String>), Fault> {
        let start = match &self.marker {
            None => 0,
            Some(marker) => marker.parse().map_err(|_| {
                Fault::invalid_value(format!("The marker `{marker}` was not issued here."))
            })?,
        };
        let end = self.size.saturating_add(start);
        let next = (end < values.len()).then(|| end.to_string());
        values.truncate(end);
        values.drain(..start.min(values.len()));
        Ok((values, next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_make_up_the_whole_list() {
        let (mut seen, mut marker) = (Vec::new(), String::new());
        loop {
            let mut form = Form::parse(format!("MaxRecords=20{marker}").as_bytes());
            let (part, next) = Paging::read(&mut form)
                .unwrap()
                .cut((0..50).collect())
                .unwrap();
            seen.extend(part);
            match next {
                Some(next) => marker = format!("&Marker={next}"),
                None => break,
            }
        }
        assert_eq!(seen, (0..50).collect::<Vec<_>>());
    }
}
