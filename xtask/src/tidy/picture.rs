//! `docs/architecture.svg`: the crates and their dependencies, the wings of the trainer, the models.
//!
//! In: `cargo metadata`, the table of wings, the folders of `models/`. Out: the same bytes for the same workspace. Crates in one folder, such as the parts of
//! `tests/`, share a box; dependencies implied by others are omitted, so that every remaining line is significant.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata};

use super::{dependencies, wings};

/// Path of the picture from the root.
const FILE: &str = "docs/architecture.svg";

/// Size of the picture and of its parts, in pixels.
const WIDTH: f64 = 880.0;
const MARGIN: f64 = 24.0;
const HEADING: f64 = 44.0;
const CRATES_WIDTH: f64 = 600.0;
const BOX: (f64, f64) = (156.0, 52.0);
const ROW: f64 = 112.0;
const WING: (f64, f64) = (172.0, 34.0);

/// The picture has its own background, so that it is readable on a light and on a dark page.
const STYLE: &str = "<style>text{font-family:sans-serif;font-size:13px;fill:#1f2933}.name{font-weight:bold}.small,.heading{font-size:11px;fill:#52606d}\
    .crate{fill:#e4ecf7;stroke:#5b7db1}.wing{fill:#e3f1e8;stroke:#4c8a66}.page{fill:#fff;stroke:#cbd2d9}\
    .line{stroke:#52606d;stroke-width:1.5;fill:none}.aside{stroke:#52606d;stroke-dasharray:4 4;fill:none}.tip{fill:#52606d}</style>";

/// Length and half width of an arrowhead, and the distance between the ends of two lines at one box.
const TIP: (f64, f64) = (9.0, 4.0);
const APART: f64 = 30.0;

/// The contents of the picture.
struct Workspace {
    /// By folder.
    crates: BTreeMap<String, Crate>,
    /// From the bottom up.
    wings: Vec<String>,
    models: Vec<String>,
}

/// The crates of one folder.
#[derive(Default)]
struct Crate {
    packages: Vec<String>,
    /// Folders of the crates they depend on, other than their own.
    needs: BTreeSet<String>,
}

type Point = (f64, f64);

/// The centre of each crate's box.
type Places = BTreeMap<String, Point>;

/// Writes the picture.
///
/// # Errors
/// The workspace cannot be read, or the file cannot be written.
pub(super) fn draw(root: &Path) -> Result<()> {
    let path = root.join(FILE);
    fs::write(&path, svg(&Workspace::read(root)?)).with_context(|| format!("cannot write {}", path.display()))
}

/// A sentence if the committed picture does not match this workspace.
pub(super) fn check(root: &Path) -> Result<Vec<String>> {
    Ok(outdated(&fs::read_to_string(root.join(FILE)).unwrap_or_default(), &Workspace::read(root)?))
}

fn outdated(committed: &str, workspace: &Workspace) -> Vec<String> {
    // A checkout may use the line endings of its system.
    let current = committed.lines().eq(svg(workspace).lines());
    if current {
        vec![]
    } else {
        vec![format!("{FILE} is not the picture of this workspace; draw it with `cargo xtask tidy --draw`")]
    }
}

impl Workspace {
    fn read(root: &Path) -> Result<Self> {
        let crates = crates(&dependencies::metadata(root)?, root)?;
        let mut models = vec![];
        for entry in fs::read_dir(root.join("models")).context("cannot list models/")? {
            let entry = entry?;
            if entry.path().join("model.onnx").is_file() {
                models.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        models.sort();
        Ok(Self { crates, wings: wings::names().map(str::to_owned).collect(), models })
    }

    /// Whether the crates of `from` depend on those of `to`, directly or through others.
    fn reaches(&self, from: &str, to: &str) -> bool {
        self.needs(from).any(|next| next == to || self.reaches(next, to))
    }

    fn needs(&self, folder: &str) -> impl Iterator<Item = &str> {
        self.crates.get(folder).into_iter().flat_map(|found| found.needs.iter().map(String::as_str))
    }

    /// Dependencies that are not implied by others: `(from, to)`.
    fn lines(&self) -> Vec<(&str, &str)> {
        let all = self.crates.keys().flat_map(|from| self.needs(from).map(move |to| (from.as_str(), to)));
        all.filter(|(from, to)| !self.needs(from).any(|between| self.reaches(between, to))).collect()
    }

    /// Number of crates below this one in the longest chain of dependencies.
    fn level(&self, folder: &str) -> usize {
        self.needs(folder).map(|next| self.level(next) + 1).max().unwrap_or(0)
    }

    /// Rows by level, from the top down; within a row each crate is placed below those that depend on it.
    fn places(&self) -> Places {
        let top = self.crates.keys().map(|folder| self.level(folder)).max().unwrap_or(0);
        let lines = self.lines();
        let mut places = Places::new();
        for level in (0..=top).rev() {
            let wanted = |folder: &String| {
                let above = lines.iter().filter(|(_, to)| to == folder).filter_map(|(from, _)| places.get(*from));
                let (n, sum) = above.fold((0, 0.0), |(n, sum), (x, _)| (n + 1, sum + x));
                // Crates without dependants are placed at the right.
                if n == 0 { CRATES_WIDTH } else { sum / f64::from(n) }
            };
            let mut row: Vec<_> = self.crates.keys().filter(|folder| self.level(folder) == level).collect();
            row.sort_by(|a, b| wanted(a).total_cmp(&wanted(b)));
            let slot = CRATES_WIDTH / row.len() as f64;
            let y = HEADING + MARGIN + BOX.1 / 2.0 + (top - level) as f64 * ROW;
            let found = row.into_iter().enumerate().map(|(at, folder)| (folder.clone(), ((at as f64 + 0.5) * slot, y)));
            places.append(&mut found.collect());
        }
        places
    }
}

/// The crates by folder with their normal dependencies.
fn crates(metadata: &Metadata, root: &Path) -> Result<BTreeMap<String, Crate>> {
    let packages = metadata.workspace_packages();
    let mut folders = BTreeMap::new();
    for package in &packages {
        let path = package.manifest_path.strip_prefix(root).with_context(|| format!("{} lies elsewhere", package.name))?;
        folders.insert(package.name.to_string(), path.components().next().context("a crate in the root")?.to_string());
    }
    let mut crates: BTreeMap<String, Crate> = BTreeMap::new();
    for package in &packages {
        let folder = &folders[package.name.as_str()];
        let found = crates.entry(folder.clone()).or_default();
        found.packages.push(package.name.to_string());
        let normal = package.dependencies.iter().filter(|to| to.kind == DependencyKind::Normal);
        found.needs.extend(normal.filter_map(|to| folders.get(&to.name)).filter(|to| *to != folder).cloned());
    }
    Ok(crates)
}

fn svg(workspace: &Workspace) -> String {
    let places = workspace.places();
    let lowest = places.values().map(|(_, y)| *y).fold(0.0, f64::max);
    let wings_height = HEADING + MARGIN + workspace.wings.len() as f64 * (WING.1 + 4.0);
    let height = (lowest + BOX.1 / 2.0).max(wings_height) + MARGIN;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\n\
         <title>The crates of Moodline, the wings of its trainer, its models</title>\n{STYLE}\n\
         <rect class=\"page\" x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n",
        WIDTH - 1.0,
        height - 1.0
    );
    label(
        &mut text,
        "heading",
        (MARGIN, 30.0),
        "An arrow points at what a crate depends on; what follows from other arrows is left out.",
    );
    for (from, to) in ends(&workspace.lines(), &places) {
        arrow(&mut text, from, to);
    }
    for (folder, found) in &workspace.crates {
        crate_box(&mut text, places[folder], folder, found, &workspace.models);
    }
    wings_column(&mut text, &workspace.wings, places.get("trainer"));
    text + "</svg>\n"
}

/// Start and end of each line: at the lower edge of one box and the upper edge of another, ordered so that none crosses its neighbour.
fn ends(lines: &[(&str, &str)], places: &Places) -> Vec<(Point, Point)> {
    let place = |own: &str, other: &str, others: &mut dyn Iterator<Item = &str>| {
        let mut all: Vec<f64> = others.map(|folder| places[folder].0).collect();
        all.sort_by(f64::total_cmp);
        let at = all.iter().filter(|x| **x < places[other].0).count();
        places[own].0 + (at as f64 - (all.len() - 1) as f64 / 2.0) * APART
    };
    let end = |(from, to): &(&str, &str)| {
        let leaves = place(from, to, &mut lines.iter().filter(|line| line.0 == *from).map(|line| line.1));
        let arrives = place(to, from, &mut lines.iter().filter(|line| line.1 == *to).map(|line| line.0));
        ((leaves, places[*from].1 + BOX.1 / 2.0), (arrives, places[*to].1 - BOX.1 / 2.0))
    };
    lines.iter().map(end).collect()
}

fn arrow(text: &mut String, (x, y): Point, (to_x, to_y): Point) {
    let length = (to_x - x).hypot(to_y - y);
    let (right, down) = ((to_x - x) / length, (to_y - y) / length);
    // The line ends inside its arrowhead.
    let (back_x, back_y) = (to_x - right * TIP.0, to_y - down * TIP.0);
    let (side_x, side_y) = (down * TIP.1, -right * TIP.1);
    let _ = writeln!(
        text,
        "<path class=\"line\" d=\"M{x:.1} {y:.1}L{back_x:.1} {back_y:.1}\"/>\
         <path class=\"tip\" d=\"M{to_x:.1} {to_y:.1}L{:.1} {:.1}L{:.1} {:.1}Z\"/>",
        back_x + side_x,
        back_y + side_y,
        back_x - side_x,
        back_y - side_y
    );
}

fn crate_box(text: &mut String, (x, y): Point, folder: &str, found: &Crate, models: &[String]) {
    rectangle(text, "crate", (x, y), BOX);
    label(text, "name", (x, y - 4.0), &format!("{folder}/"));
    let small = match &found.packages[..] {
        // Their names do not fit in a box.
        _ if folder == "models" => format!("{} models", models.len()),
        [package] => package.clone(),
        packages => format!("{} crates", packages.len()),
    };
    label(text, "small", (x, y + 15.0), &small);
}

/// The wings in their order, beside the trainer's box.
fn wings_column(text: &mut String, wings: &[String], trainer: Option<&Point>) {
    let x = WIDTH - MARGIN - WING.0 / 2.0;
    label(text, "small", (x, 30.0), "wings of the trainer: each");
    label(text, "small", (x, 46.0), "imports only what is below it");
    for (at, wing) in wings.iter().rev().enumerate() {
        let y = HEADING + MARGIN + WING.1 / 2.0 + at as f64 * (WING.1 + 4.0);
        rectangle(text, "wing", (x, y), WING);
        label(text, "name", (x, y + 4.0), wing);
    }
    if let Some((from, y)) = trainer {
        let _ = writeln!(text, "<path class=\"aside\" d=\"M{:.0} {y:.0}H{:.0}\"/>", from + BOX.0 / 2.0, x - WING.0 / 2.0);
    }
}

fn rectangle(text: &mut String, class: &str, (x, y): Point, (width, height): (f64, f64)) {
    let (left, top) = (x - width / 2.0, y - height / 2.0);
    let _ =
        writeln!(text, "<rect class=\"{class}\" x=\"{left:.0}\" y=\"{top:.0}\" width=\"{width}\" height=\"{height}\" rx=\"5\"/>");
}

/// `words` contain no markup: they are names of folders and packages. They are centred, except for a heading's.
fn label(text: &mut String, class: &str, (x, y): Point, words: &str) {
    let anchor = if class == "heading" { "start" } else { "middle" };
    let _ = writeln!(text, "<text class=\"{class}\" x=\"{x:.0}\" y=\"{y:.0}\" text-anchor=\"{anchor}\">{words}</text>");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(crates: &[(&str, &[&str])]) -> Workspace {
        let found =
            |needs: &[&str]| Crate { packages: vec!["p".to_owned()], needs: needs.iter().map(|&to| to.to_owned()).collect() };
        let crates = crates.iter().map(|(folder, needs)| ((*folder).to_owned(), found(needs))).collect();
        Workspace { crates, wings: vec!["base".to_owned(), "cli".to_owned()], models: vec!["m".to_owned()] }
    }

    #[test]
    fn what_follows_from_others_has_no_line() {
        let house = workspace(&[("a", &["b", "c"]), ("b", &["c"]), ("c", &[])]);
        assert_eq!(house.lines(), [("a", "b"), ("b", "c")]);
        assert_eq!(["a", "b", "c"].map(|folder| house.level(folder)), [2, 1, 0]);
    }

    #[test]
    fn another_workspace_is_another_picture() {
        let house = workspace(&[("a", &["b"]), ("b", &[])]);
        assert!(outdated(&svg(&house), &house).is_empty());
        assert!(outdated(&svg(&house).replace('\n', "\r\n"), &house).is_empty());
        let more = workspace(&[("a", &["b"]), ("b", &[]), ("c", &["b"])]);
        assert_eq!(outdated(&svg(&house), &more).len(), 1);
        assert_eq!(outdated("", &house).len(), 1);
    }

    #[test]
    fn boxes_stand_apart_and_no_line_runs_through_one() {
        let house = Workspace::read(&crate::workspace::root()).unwrap();
        assert!(svg(&house).len() < 20_000);
        let places = house.places();
        for (name, (x, y)) in &places {
            assert!(*x >= BOX.0 / 2.0 && *x <= CRATES_WIDTH - BOX.0 / 2.0, "{name} leaves the picture");
            let over = |other: &&String| (places[*other].0 - x).abs() <= BOX.0 && (places[*other].1 - y).abs() <= BOX.1;
            assert_eq!(places.keys().filter(over).count(), 1, "{name} lies on another box");
            let lines = house.lines();
            for ((from, to), ((x0, y0), (x1, y1))) in
                lines.iter().zip(ends(&lines, &places)).filter(|((from, to), _)| from != name && to != name)
            {
                let through = (0..=100).map(|part| f64::from(part) / 100.0).any(|part| {
                    (x0 + part * (x1 - x0) - x).abs() < BOX.0 / 2.0 && (y0 + part * (y1 - y0) - y).abs() < BOX.1 / 2.0
                });
                assert!(!through, "the line from {from} to {to} runs through {name}");
            }
        }
    }
}
