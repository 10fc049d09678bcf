//! The page: sections of text, tables and figures in one HTML file that loads nothing from elsewhere.
//!
//! All text is escaped here and nowhere else, because names of corpora, speakers and folders come from files. The page contains no scripts and
//! forbids them.

use std::fmt::Write as _;

use plotters::style::RGBColor;

use crate::base::plot::{Figure, PlotError, THEMED};
use crate::base::table::Table;

/// Maximum number of characters of a name in a file name.
const SLUG: usize = 60;

/// A part of the report with a heading.
pub(super) struct Section {
    pub(super) title: String,
    pub(super) items: Vec<Item>,
}

/// Content of a section.
pub(super) enum Item {
    Text(String),
    List(Vec<String>),
    Table { caption: String, table: Table },
    Figure { name: String, caption: String, figure: Box<dyn Figure> },
}

/// A figure stored beside the page.
pub(super) struct Picture {
    /// File name without its extension.
    pub(super) name: String,
    pub(super) svg: String,
    pub(super) csv: String,
}

impl Section {
    pub(super) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), items: Vec::new() }
    }

    pub(super) fn text(&mut self, text: impl Into<String>) {
        self.items.push(Item::Text(text.into()));
    }

    pub(super) fn table(&mut self, caption: impl Into<String>, table: Table) {
        self.items.push(Item::Table { caption: caption.into(), table });
    }

    pub(super) fn figure(&mut self, name: impl Into<String>, caption: impl Into<String>, figure: impl Figure + 'static) {
        self.items.push(Item::Figure { name: name.into(), caption: caption.into(), figure: Box::new(figure) });
    }
}

/// The whole page and its individual figures. `folder` is the path used for them on the page.
///
/// # Errors
/// [`PlotError`] for the first figure that cannot be drawn.
pub(super) fn page(title: &str, folder: &str, sections: &[Section]) -> Result<(String, Vec<Picture>), PlotError> {
    let mut pictures = Vec::new();
    let mut body = String::new();
    let mut contents = String::new();
    for (index, section) in sections.iter().enumerate() {
        let heading = escape(&section.title);
        push(&mut contents, format_args!("<li><a href=\"#s{index}\">{heading}</a></li>\n"));
        push(&mut body, format_args!("<section>\n<h2 id=\"s{index}\">{heading}</h2>\n"));
        for item in &section.items {
            write_item(&mut body, item, folder, &mut pictures)?;
        }
        body.push_str("</section>\n");
    }
    let title = escape(title);
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<style>\n{}</style>\n</head>\n<body>\n<h1>{title}</h1>\n<nav><ol>\n{contents}</ol></nav>\n{body}</body>\n</html>\n",
        style()
    );
    Ok((html, pictures))
}

fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // INVARIANT: writing to a String cannot fail.
    text.write_fmt(arguments).expect("a String takes any text");
}

fn write_item(body: &mut String, item: &Item, folder: &str, pictures: &mut Vec<Picture>) -> Result<(), PlotError> {
    match item {
        Item::Text(text) => push(body, format_args!("<p>{}</p>\n", escape(text))),
        Item::List(items) => {
            body.push_str("<ul>\n");
            for item in items {
                push(body, format_args!("<li>{}</li>\n", escape(item)));
            }
            body.push_str("</ul>\n");
        }
        Item::Table { caption, table } => {
            push(body, format_args!("<p class=\"caption\">{}</p>\n", escape(caption)));
            write_table(body, table);
        }
        Item::Figure { name, caption, figure } => {
            let svg = figure.svg()?;
            let number = pictures.len() + 1;
            let file = format!("{number:02}-{}", slug(name));
            let table = figure.table();
            push(
                body,
                format_args!(
                    "<figure>\n<div role=\"img\" aria-label=\"{}\">\n{svg}</div>\n<figcaption><b>Figure {number}.</b> {} \
                     <span class=\"files\">(<a href=\"{folder}/{file}.svg\">SVG</a>, <a href=\"{folder}/{file}.csv\">CSV</a>)</span></figcaption>\n\
                     <details><summary>The numbers</summary>\n",
                    escape(&figure.title()),
                    escape(caption),
                    folder = escape(&encoded(folder)),
                ),
            );
            write_table(body, &table);
            body.push_str("</details>\n</figure>\n");
            pictures.push(Picture { name: file, svg, csv: table.to_csv() });
        }
    }
    Ok(())
}

fn write_table(body: &mut String, table: &Table) {
    let right = table.right_aligned();
    let class = |column: usize| if right[column] { " class=\"n\"" } else { "" };
    body.push_str("<div class=\"scroll\"><table>\n<thead><tr>");
    for (column, name) in table.header.iter().enumerate() {
        // Allows line breaks after each part of a setting's key, so that its column can be as narrow as its values.
        let name = escape(name).replace('.', ".<wbr>").replace('_', "_<wbr>");
        push(body, format_args!("<th{}>{name}</th>", class(column)));
    }
    body.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        body.push_str("<tr>");
        for (column, cell) in row.iter().enumerate() {
            push(body, format_args!("<td{}>{}</td>", class(column), escape(cell)));
        }
        body.push_str("</tr>\n");
    }
    body.push_str("</tbody>\n</table></div>\n");
}

/// Escapes text for HTML elements and quoted attributes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Control characters are not valid HTML, and a terminal or parser might act on them.
            c if c.is_control() && c != '\n' && c != '\t' => escaped.push('\u{FFFD}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// The name of a folder, encoded for a URL.
fn encoded(folder: &str) -> String {
    let mut address = String::new();
    for byte in folder.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            address.push(char::from(byte));
        } else {
            push(&mut address, format_args!("%{byte:02X}"));
        }
    }
    address
}

/// A name that is valid on any file system.
fn slug(name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let words: Vec<&str> = plain.split('-').filter(|word| !word.is_empty()).collect();
    words.join("-").chars().take(SLUG).collect::<String>().trim_end_matches('-').to_owned()
}

/// The style sheet of the page; figures follow the theme because they only use colours that are replaced here.
fn style() -> String {
    let mut css = String::from(
        ":root{--ink:#222222;--muted:#666666;--grid:#e2e2e2;--paper:#ffffff;--link:#00598c}\n\
         @media (prefers-color-scheme:dark){@media screen{:root{--ink:#e8e8e8;--muted:#a8a8a8;--grid:#3a3d42;--paper:#17191c;--link:#7cc4f5}}}\n\
         body{margin:0 auto;max-width:62rem;padding:1.5rem;background:var(--paper);color:var(--ink);\
         font:16px/1.5 system-ui,\"Segoe UI\",Ubuntu,\"DejaVu Sans\",sans-serif}\n\
         h1{font-size:1.6rem}h2{font-size:1.25rem;margin:2.2em 0 .6em;border-bottom:1px solid var(--grid)}a{color:var(--link)}\n\
         figure{margin:1.2rem 0}figure svg{max-width:100%;height:auto;display:block}\n\
         figcaption,.caption{color:var(--ink);font-size:.93rem;margin:.4rem 0}.files{white-space:nowrap}\n\
         details{font-size:.9rem}summary{color:var(--muted);cursor:pointer}\n\
         .scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums}\n\
         th,td{padding:.2rem .6rem;border-bottom:1px solid var(--grid);text-align:left;vertical-align:top}th.n,td.n{text-align:right}\n\
         @media screen{td.n{white-space:nowrap}}\n\
         @media print{body{max-width:none;padding:0;font-size:11pt}nav,details{display:none}figure,tr{break-inside:avoid}h2,.caption{break-after:avoid}\
         .scroll{overflow:visible}table{font-size:7pt}th,td{padding:.15rem .25rem}th{overflow-wrap:anywhere}}\n",
    );
    for (RGBColor(red, green, blue), variable) in THEMED {
        for property in ["fill", "stroke"] {
            push(
                &mut css,
                format_args!("figure svg [{property}=\"#{red:02X}{green:02X}{blue:02X}\"]{{{property}:var({variable})}}\n"),
            );
        }
    }
    css
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_files_are_text_and_nothing_else() {
        let hostile = "<script>alert('x')</script>\" onload=\"x & y\u{1b}[31m";
        let mut section = Section::new(hostile);
        section.text(hostile);
        let mut table = Table::new([hostile]);
        table.push([hostile]);
        section.table(hostile, table);
        let bar = crate::base::plot::Bar {
            group: hostile.to_owned(),
            label: hostile.to_owned(),
            value: 0.5,
            interval: None,
            note: hostile.to_owned(),
            colour: crate::base::plot::series(0),
        };
        let bars = crate::base::plot::Bars {
            title: hostile.to_owned(),
            subtitle: hostile.to_owned(),
            x_label: hostile.to_owned(),
            bars: vec![bar],
            reference: Some(crate::base::plot::Reference::At(0.5, hostile.to_owned())),
        };
        section.figure(hostile, hostile, bars);
        let (html, pictures) = page(hostile, "a \"b\"", &[section]).unwrap();
        assert!(!html.contains("<script") && !html.contains("onload=\"x") && !html.contains('\u{1b}'), "{html}");
        assert!(html.contains("&lt;script&gt;alert(&#39;x&#39;)"), "{html}");
        assert!(html.contains("href=\"a%20%22b%22/01-script-alert-x-script-onload-x-y-31m.svg\""), "{html}");
        assert!(!pictures[0].svg.contains("<script") && pictures[0].svg.contains("&lt;script"), "{}", pictures[0].svg);
    }

    #[test]
    fn the_page_asks_nobody_for_anything() {
        let (html, _) = page("Report", "x", &[Section::new("Empty")]).unwrap();
        assert!(html.contains("default-src 'none'"));
        for outside in ["http://", "https://", "<script", "<link", "<img", "@import", "url("] {
            assert!(!html.contains(outside), "{outside}");
        }
    }
}
