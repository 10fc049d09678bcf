//! The frame of every page: its head, with a content security policy that allows only what the page itself contains.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use moodline_engine::display::text::escaped;
use sha2::{Digest as _, Sha256};

const STYLE: &str = include_str!("page.css");

/// A complete page around `body`, which ends with `script` if there is one.
pub(super) fn page(title: &str, body: &str, script: Option<&str>) -> String {
    // The recording is embedded in the page or referenced relative to it.
    let scripts = script.map_or_else(|| "'none'".to_owned(), hash);
    let policy = format!(
        "default-src 'none'; style-src {}; script-src {scripts}; media-src 'self' file: data:; base-uri 'none'; form-action 'none'",
        hash(STYLE)
    );
    let script = script.map_or_else(String::new, |script| format!("<script>{script}</script>\n"));
    let title = escaped(title);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n{body}{script}</body>\n</html>\n"
    )
}

/// A source expression for exactly this script.
///
/// # Source
/// W3C, "Content Security Policy Level 3", 2.3.1
fn hash(text: &str) -> String {
    format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text)))
}
