//! Long answers in pages.

use crate::states::error::Refusal;

/// One page of `items`, and the token of the next one.
pub(super) fn page<T>(
    items: Vec<T>,
    token: Option<&str>,
    size: Option<usize>,
) -> Result<(Vec<T>, Option<String>), Refusal> {
    const USUAL: usize = 100;
    const MOST: usize = 1_000;
    let size = size.filter(|n| *n > 0).unwrap_or(USUAL);
    if size > MOST {
        let message = format!(
            "1 validation error detected: Value '{size}' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 1000"
        );
        return Err(Refusal::new("ValidationException", message));
    }
    let first = match token {
        None => 0,
        Some(token) => token
            .parse::<usize>()
            .map_err(|_| Refusal::new("InvalidToken", "Invalid Token: 'Invalid token'"))?,
    };
    let next = (first + size < items.len()).then(|| (first + size).to_string());
    Ok((items.into_iter().skip(first).take(size).collect(), next))
}
