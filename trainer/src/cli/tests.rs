use clap::CommandFactory as _;
use regex::Regex;

use super::*;

/// The documents that contain commands, by names that a reader would recognise.
const DOCUMENTS: [(&str, &str); 4] = [
    ("README.md", include_str!("../../../README.md")),
    ("train-your-own.md", include_str!("../../../docs/train-your-own.md")),
    ("liquid-1", include_str!("../../../docs/liquid-1/README.md")),
    ("reproduction", include_str!("../../../docs/reproduction/README.md")),
];

/// The commands of this program that are on lines of their own in a text.
fn commands(text: &str) -> Vec<String> {
    let command = Regex::new(r"(?m)^ +(?:cargo run --release -p trainer -- |trainer )(.*)$").unwrap();
    // Inserted by a shell.
    let substitution = Regex::new(r"\$\(.*?\)").unwrap();
    // A line that ends with a backslash continues on the next.
    let text = text.replace("\\\n", " ");
    command
        .captures_iter(&text)
        .map(|found| format!("trainer {}", substitution.replace_all(&found[1], "").replace("$METHODS", "knn")))
        .collect()
}

/// Why the program refuses a command line before accessing any file.
fn refusal(line: &str) -> Option<String> {
    let words = shlex::split(line).unwrap_or_default();
    Cli::try_parse_from(words).err().map(|error| error.to_string())
}

fn helps(command: &clap::Command, name: &str, found: &mut Vec<(String, String)>) {
    found.extend(command.get_after_help().map(|help| (name.to_owned(), help.to_string())));
    for inner in command.get_subcommands() {
        helps(inner, &format!("{name} {}", inner.get_name()), found);
    }
}

#[test]
fn the_command_line_is_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_of_the_documents_is_one() {
    for (name, text) in DOCUMENTS {
        let commands = commands(text);
        assert!(commands.len() > 2, "{name}: {commands:?}");
        for line in commands {
            assert_eq!(refusal(&line), None, "{name}: {line}");
        }
    }
    assert!(refusal("trainer train --configuration a.toml").is_some());
}

#[test]
fn every_example_of_a_help_is_a_command() {
    let mut found = Vec::new();
    helps(&Cli::command(), "trainer", &mut found);
    let n_examples: usize = found.iter().map(|(_, help)| commands(help).len()).sum();
    assert!(found.len() > 8 && n_examples > 20, "{} helps, {n_examples} examples", found.len());
    for (name, help) in found {
        for line in commands(&help) {
            assert_eq!(refusal(&line), None, "{name}: {line}");
        }
    }
}
