//! Lists of URLs in files.

use std::{
    fs::File,
    io::{Read, stdin},
    path::Path,
};

use anyhow::{Context as _, Result, bail};
use banyan_control::cache_url;

/// Bytes that are read: what the gateway takes at once.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// URLs that the gateway takes at once.
const MAX_URLS: usize = 100_000;

/// The URLs of a file, or of standard input for `-`.
///
/// # Errors
/// When it cannot be read, or anything in it is no URL: then with every line that is wrong.
pub(super) fn read(path: &Path) -> Result<Vec<String>> {
    let mut bytes = Vec::new();
    let source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(stdin().lock())
    } else {
        Box::new(File::open(path).with_context(|| format!("cannot read {}", path.display()))?)
    };
    source
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {}", path.display()))?;
    if bytes.len() as u64 > MAX_BYTES {
        bail!("{} has more than {} MiB: send it in parts", path.display(), MAX_BYTES >> 20);
    }
    let name = if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
    // What is no UTF-8 is no URL either, and is told as one that is wrong.
    urls(&String::from_utf8_lossy(&bytes), &name)
}

/// The URLs of a text, one per line. Blank lines and those that begin with `#` say nothing.
fn urls(text: &str, name: &str) -> Result<Vec<String>> {
    let (mut urls, mut wrong) = (Vec::new(), Vec::new());
    for (line, text) in (1usize..).zip(text.lines()) {
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        match cache_url(text) {
            Ok(_) => urls.push(text.to_owned()),
            Err(error) => wrong.push(format!("{name}:{line}: '{text}': {error}")),
        }
    }
    match wrong.len() {
        0 => {}
        1 => bail!("nothing was sent, for one line is wrong:\n{}", wrong.join("\n")),
        count => bail!("nothing was sent, for {count} lines are wrong:\n{}", wrong.join("\n")),
    }
    if urls.is_empty() {
        bail!("there is no URL in {name}");
    }
    if urls.len() > MAX_URLS {
        bail!("{name} has {} URLs, and a gateway takes {MAX_URLS} at once: send it in parts", urls.len());
    }
    Ok(urls)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_url_per_line_and_comments() {
        let text = "# the shop\nhttp://a.example/1\r\n\n  https://a.example/2?x=#  \n".replace("=#", "=1");
        assert_eq!(urls(&text, "urls.txt").unwrap(), ["http://a.example/1", "https://a.example/2?x=1"]);
    }

    #[test]
    fn every_wrong_line_is_told_with_its_number() {
        let text = "http://a.example/1\na.example/2\n#\nhttp://a.example/é\nhttp://a.example/3#top\n";
        let said = urls(text, "urls.txt").unwrap_err().to_string();
        let lines: Vec<_> = said.lines().collect();
        assert_eq!(lines.len(), 4, "{said}");
        assert_eq!(lines[0], "nothing was sent, for 3 lines are wrong:");
        for (line, start) in
            lines[1..].iter().zip(["urls.txt:2: 'a.example/2': ", "urls.txt:4: ", "urls.txt:5: "])
        {
            assert!(line.starts_with(start), "{line}");
        }
    }

    #[test]
    fn a_list_has_a_beginning_and_an_end() {
        assert_eq!(urls("# nothing\n\n", "urls.txt").unwrap_err().to_string(), "there is no URL in urls.txt");
        let many = "http://a/\n".repeat(MAX_URLS);
        assert_eq!(urls(&many, "urls.txt").unwrap().len(), MAX_URLS);
        let said = urls(&format!("{many}http://a/"), "urls.txt").unwrap_err().to_string();
        assert!(said.contains("has 100001 URLs"), "{said}");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let said = format!("{:#}", read(Path::new("/nowhere/urls.txt")).unwrap_err());
        assert!(said.contains("/nowhere/urls.txt"), "{said}");
    }
}
