//! Rules about files other than code: models and the documents in the root.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// The required files of every folder `models/<id>`.
const MODEL_FILES: &[&str] = &["model.onnx", "train.toml", "metrics.json", "MODEL_CARD.md"];

/// Documents that must mention every crate.
const OVERVIEWS: &[&str] = &["README.md", "ARCHITECTURE.md"];

/// All violations of the checkout at `root`.
pub(super) fn check(root: &Path) -> Result<Vec<String>> {
    let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
    let mut violations = models(&root.join("models"))?;
    for name in OVERVIEWS {
        // A missing document mentions nothing.
        let text = fs::read_to_string(root.join(name)).unwrap_or_default();
        violations.extend(unmentioned(name, &text, &members(&manifest)?));
    }
    Ok(violations)
}

fn models(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut violations = vec![];
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            let missing = MODEL_FILES.iter().filter(|file| !path.join(file).is_file());
            let id = path.file_name().unwrap_or_default().to_string_lossy();
            violations.extend(missing.map(|file| format!("models/{id} has no {file}")));
        }
    }
    violations.sort();
    Ok(violations)
}

/// Folders of the workspace's crates.
fn members(manifest: &str) -> Result<Vec<String>> {
    let manifest: toml::Table = manifest.parse().context("Cargo.toml is not TOML")?;
    let members = manifest.get("workspace").and_then(|workspace| workspace.get("members")).and_then(toml::Value::as_array);
    let members = members.context("Cargo.toml lists no members")?;
    Ok(members.iter().filter_map(toml::Value::as_str).map(str::to_owned).collect())
}

fn unmentioned(document: &str, text: &str, members: &[String]) -> Vec<String> {
    let missing = members.iter().filter(|member| !text.contains(&format!("{member}/")) && !text.contains(&format!("`{member}`")));
    missing.map(|member| format!("{document} does not mention {member}/")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_without_its_card_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("a-model");
        fs::create_dir(&model).unwrap();
        for file in &MODEL_FILES[..3] {
            fs::write(model.join(file), "").unwrap();
        }
        assert_eq!(models(folder.path()).unwrap(), ["models/a-model has no MODEL_CARD.md"]);
        fs::write(model.join("MODEL_CARD.md"), "").unwrap();
        assert!(models(folder.path()).unwrap().is_empty());
    }

    #[test]
    fn a_crate_that_no_overview_mentions_is_named() {
        let members = members("[workspace]\nmembers = [\"core\", \"cli\"]").unwrap();
        assert_eq!(unmentioned("README.md", "core/ and more", &members), ["README.md does not mention cli/"]);
        assert!(unmentioned("README.md", "core/ and `cli`", &members).is_empty());
    }
}
