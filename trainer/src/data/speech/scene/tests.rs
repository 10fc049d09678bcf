use super::*;

const RATE: f64 = 16_000.0;

fn config() -> ScenesConfig {
    let text = r#"
        seed = 3
        seconds = 6.0
        boundary_seconds = 0.02
        without_speech = 0.0
        speech = 1.0
        margin_seconds = 5.0
        pause_seconds = [0.2, 1.0]
        sound_seconds = [0.5, 2.0]
        layered = 0.0
        item_db = [-3.0, 3.0]
        speed = [0.8, 1.25]
        background = 0.0
        snr_db = 10.0
        gated = 0.0
        quiet = 0.0
        level_db = -20.0
        quiet_db = -60.0
        sixteen_bits = 0.0
        weights = { other = 1.0 }
        kinds = {}
        licences = []
        recording = { copies = 1, transforms = [{ kind = "gain", db = 0.0 }] }
    "#;
    let config: ScenesConfig = toml::from_str(text).unwrap();
    config.validate().unwrap();
    config
}

/// Half a second of a tone between two silent quarter-seconds.
fn sources() -> Sources {
    let samples = (0..16_000).map(|n| if (4000..12_000).contains(&n) { (n as f32 * 0.3).sin() } else { 0.0 }).collect();
    Sources::new(
        vec![Clip { corpus: "tone".to_owned(), speaker: "a".to_owned(), samples, speech: vec![(0.25, 0.75)] }],
        Vec::new(),
    )
}

fn scene(config: &ScenesConfig, number: usize) -> Scene {
    let (augmenter, _) = Augmenter::new(&config.recording, RATE as u32).unwrap();
    draw(&sources(), config, &augmenter, RATE, (Split::Train, number), &mut Fourier::new())
}

#[test]
fn kinds_are_drawn_by_the_root_of_the_number_of_their_recordings() {
    let recording = |number: usize| {
        let kind = if number == 0 { "rare" } else { "rich" };
        let entry = SoundEntry {
            path: "a.wav".into(),
            name: number.to_string(),
            kind: kind.to_owned(),
            licence: "CC0".to_owned(),
            source: String::new(),
        };
        SoundRecording { entry, sound: Sound::Voice, samples: vec![if number == 0 { 1.0 } else { 0.5 }; 10] }
    };
    let sources = Sources::new(sources().clips, (0..26).map(recording).collect());
    let config = ScenesConfig { weights: BTreeMap::from([(Sound::Voice, 1.0)]), ..config() };
    let rng = &mut generator(&[b"kinds"]);
    let rare = (0..3000).filter(|_| sources.sound(5, &config, RATE, rng).0[0] > 0.9).count();
    assert!((400..600).contains(&rare), "{rare} of 3000 for one recording beside 25");
}

#[test]
fn a_crowd_is_many_voices_at_once_and_no_speech() {
    let sources = sources();
    let rng = &mut generator(&[b"crowd"]);
    let crowd = sources.crowd(32_000, rng);
    let loud = |part: &[f32]| part.iter().map(|x| x * x).sum::<f32>() / part.len() as f32 > 1e-4;
    assert!(crowd.len() == 32_000 && crowd.chunks(4000).all(loud), "one voice is silent half of the time, a crowd is not");
    let config = ScenesConfig { speech: 0.0, ..config() };
    assert!((0..20).all(|number| scene(&config, number).heard.iter().all(|(.., sound)| *sound == Sound::Other)));
}

#[test]
fn sounds_are_heard_together_where_it_is_asked_for() {
    let config = ScenesConfig { speech: 0.0, ..config() };
    let layered = ScenesConfig { layered: 1.0, ..config.clone() };
    assert_ne!(scene(&config, 0).samples, scene(&layered, 0).samples);
    assert_eq!(scene(&config, 0).heard[0], scene(&layered, 0).heard[0]);
}

#[test]
fn labels_stay_with_the_clips_at_any_speed_and_place() {
    for number in 0..20 {
        let scene = scene(&config(), number);
        assert!(!scene.heard.is_empty());
        for (start, end, _) in &scene.heard {
            let power = |from: usize, to: usize| scene.samples[from..to].iter().map(|x| x * x).sum::<f32>();
            let middle = usize::midpoint(*start, *end);
            assert!(power(middle.saturating_sub(100), middle) > 0.01, "number {number}: sound within the times");
            assert!(power(start.saturating_sub(600), start.saturating_sub(150)) < 1e-4, "number {number}: silence before them");
        }
    }
}

#[test]
fn of_the_silence_around_the_speech_of_a_clip_as_much_is_kept_as_is_asked_for() {
    let config =
        ScenesConfig { margin_seconds: Span::Fixed(0.1), pause_seconds: Span::Fixed(0.0), speed: Span::Fixed(1.0), ..config() };
    let scene = scene(&config, 0);
    assert_eq!(scene.heard[0], (1600, 9600, Sound::Speech));
    assert_eq!(scene.heard[1].0, 9600 + 2 * 1600);
    let clip = &sources().clips[0];
    assert_eq!((clip.part(0.1, 9.0, RATE).0.len(), clip.part(0.1, 9.0, RATE).1), (13_600, 2400));
}

#[test]
fn a_scene_follows_from_its_number_alone_and_has_its_level() {
    let config = config();
    assert_eq!(scene(&config, 4), scene(&config, 4));
    assert_ne!(scene(&config, 4), scene(&config, 5));
    for level_db in [-60.0, -12.0] {
        let config = ScenesConfig { level_db: Span::Fixed(level_db), ..config.clone() };
        let samples = scene(&config, 1).samples;
        let power = samples.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / samples.len() as f64;
        assert!((10.0 * power.log10() - level_db).abs() < 0.1);
    }
}

#[test]
fn what_lies_beneath_is_heard_in_the_pauses_unless_it_is_gated() {
    let heard_in_pause = |gated| {
        let config = ScenesConfig { background: 1.0, gated, ..config() };
        let scene = scene(&config, 2);
        scene.samples[..scene.heard[0].0 / 2].iter().any(|sample| *sample != 0.0)
    };
    assert!(heard_in_pause(0.0) && !heard_in_pause(1.0));
}

#[test]
fn near_an_edge_of_speech_nobody_knows() {
    let scene =
        Scene { samples: vec![], heard: vec![(100, 200, Sound::Speech), (300, 400, Sound::Music)], beneath: Sound::Other };
    let heard = |sample| scene.heard_at(sample, 10);
    assert_eq!(
        [heard(50), heard(95), heard(150), heard(195), heard(250)],
        [Some(Sound::Other), None, Some(Sound::Speech), None, Some(Sound::Other)]
    );
    assert_eq!((heard(300), heard(399), heard(400)), (Some(Sound::Music), Some(Sound::Music), Some(Sound::Other)));
}
