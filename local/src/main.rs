//! The local platform's command line.

use std::path::Path;

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, "keeper", folder] => local::keeper::serve(Path::new(folder)),
        _ => anyhow::bail!("there is nothing else to run yet"),
    }
}
