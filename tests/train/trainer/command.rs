//! Error messages of the command line and of configurations.

use std::ffi::OsString;
use std::fs;
use std::process::ExitCode;

use test_support::repository;
use tests_train::workplace;
use trainer::base::config::ConfigError;
use trainer::base::progress::{Interrupt, Progress};
use trainer::train::config::TrainConfig;

#[test]
fn configurations_say_what_is_wrong_and_where() {
    let text = fs::read_to_string(repository().join("trainer/configs/paper.toml")).unwrap();
    let parse = |text: &str, overrides: &[&str]| {
        let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
        TrainConfig::parse("paper.toml", text, &overrides)
    };
    let config = parse(&text, &["training.seed=3"]).unwrap();
    assert_eq!(config.training.seed, 3);
    assert_eq!(parse(&config.to_toml(), &[]).unwrap(), config, "what is saved is what was used");
    assert_eq!(parse(&text, &["training.patience="]).unwrap().training.patience, None);

    let typo = text.replace("batch_size", "batchsize");
    let line = typo.lines().position(|line| line.starts_with("batchsize")).unwrap() + 1;
    let message = parse(&typo, &[]).unwrap_err().to_string();
    assert!(message.contains("batchsize") && message.contains(&format!("line {line}")), "{message}");
    for (setting, expected) in [
        ("training.epochs=0", "training.epochs must be 1..=100000, found 0"),
        ("front_end.top_db=80", "unknown field `top_db`"),
        ("front_end.fmax=9000", "front_end.fmax must be fmin < fmax <= 8000 Hz, found 9000"),
        ("network.units=0", "network.units"),
        ("network.layers=4", "network.layers"),
        ("network.cell={kind=\"gru\"}", "initialisation.tau must be absent: the cell has no tau"),
        ("initialisation.tau={kind=\"even\", from=-40, to=0}", "initialisation.tau.from must be -20..=20, found -40"),
        ("training.dropout=1.0", "training.dropout must be at least 0 and below 1, found 1"),
        ("training.input_dropout=-0.1", "training.input_dropout must be at least 0 and below 1, found -0.1"),
        ("training.average=1.0", "training.average must be at least 0 and below 1, found 1"),
        ("training.loss={kind=\"focal\", gamma=0.0}", "training.loss.gamma must be above 0 and at most 10, found 0"),
        (
            "training.loss={kind=\"label_smoothing\", epsilon=1.5}",
            "training.loss.epsilon must be at least 0 and below 1, found 1.5",
        ),
        (
            "training.optimiser={kind=\"sgd\", momentum=1.0}",
            "training.optimiser.momentum must be at least 0 and below 1, found 1",
        ),
        (
            "training.optimiser={kind=\"adam_w\", weight_decay=-1.0}",
            "training.optimiser.weight_decay must be 0 or a positive number, found -1",
        ),
        ("training.schedule.factor=2", "training.schedule.factor must be between 0 and 1, found 2"),
        ("training.epoch=5", "epoch"),
        ("nonsense", "expected section.key=value"),
    ] {
        let message = parse(&text, &[setting]).unwrap_err().to_string();
        assert!(message.contains(expected), "{setting}: {message}");
    }
    assert!(matches!(parse(&text, &["training"]), Err(ConfigError::Override { .. })));
}

#[test]
fn the_command_gives_the_documented_exit_codes() {
    let place = workplace(&["noise.wav,emodb,emodb:03,sad,train".to_owned()]);
    fs::write(place.path().join("noise.wav"), "no audio").unwrap();
    let manifest = place.path().join("corpus.csv").display().to_string();
    let config = repository().join("trainer/configs/paper-ltc-16.toml").display().to_string();
    let out = place.path().join("run").display().to_string();
    let model = place.path().join("model.onnx").display().to_string();
    let command = |arguments: &[&str]| {
        let arguments = ["trainer"].iter().chain(arguments).map(OsString::from);
        trainer::cli::run(arguments, Progress::Silent, &Interrupt::default())
    };
    let train = ["train", "--config", &config, "--manifest", &manifest, "--out", &out, "--cache", "none"];
    let with = |more: &[&'static str]| [&train[..], more].concat();
    assert_eq!(command(&with(&["--set", "training.epochs=0"])), ExitCode::from(2));
    assert_eq!(command(&["train", "--out", &out]), ExitCode::from(2));
    assert_eq!(command(&with(&["--set", "training.epochs=1"])), ExitCode::from(1), "one clip could not be read, the others were");
    assert_eq!(command(&train), ExitCode::from(1), "the folder is taken");
    assert_eq!(command(&["export", &out, "--out", &model]), ExitCode::SUCCESS);
    let evaluate = ["evaluate", "--model", &model, "--manifest", &manifest, "--backend", "native", "--json", "--split"];
    assert_eq!(command(&[&evaluate[..], &["test"]].concat()), ExitCode::SUCCESS);
    assert_eq!(command(&[&evaluate[..], &["train"]].concat()), ExitCode::from(1));
    assert_eq!(command(&[&evaluate[..], &["some"]].concat()), ExitCode::from(2));
    assert_eq!(command(&["--help"]), ExitCode::SUCCESS);
}
