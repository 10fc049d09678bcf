//! The front end compared with librosa: values, edge cases, and independence of how the audio was cut.

use moodline_core::config::{DeltaMode, FeatureGroup, FrontEndConfig};
use moodline_core::frontend::assembler::Assembler;
use moodline_core::frontend::log_mel::LogMel;
use moodline_core::frontend::mel::{self, MelBank};
use moodline_core::frontend::spectrum::PowerSpectrum;
use moodline_core::frontend::{
    BlockFeatures, FrontEnd, FrontEndError, Sample, Scaler, ScalerError, ScalerFit, features, features_with_floor,
};
use ndarray::{Array1, Array2, s};
use proptest::prelude::*;
use serde_json::Value;
use test_support::allocation::without_allocation;
use test_support::golden;

/// The floor used in the golden data, dB.
const TOP_DB: f64 = 80.0;

/// Tolerance of an `f64` result relative to librosa's.
fn tolerance_f64(expected: f64) -> f64 {
    1e-4 + 2e-7 * expected.abs()
}

/// Tolerance of the product's `f32` result relative to librosa's.
fn tolerance_f32(_expected: f64) -> f64 {
    1e-3
}

/// The configuration in `mfcc/manifest.json` whose name starts with `letter`.
fn config(letter: char) -> FrontEndConfig {
    let manifest = golden::json("mfcc/manifest.json");
    let configs = manifest["configs"].as_object().unwrap();
    let (_, config) = configs.iter().find(|(name, _)| name.starts_with(letter)).unwrap();
    golden::front_end(config)
}

fn signal<T: Sample>(file: &str) -> Vec<T> {
    golden::vector(file).iter().map(|&sample| T::of(sample)).collect()
}

/// Maximum difference; `actual` is `[frames, features]`, `expected` librosa's `[features, frames]` with possibly fewer features.
fn compare<T: Sample>(case: &str, actual: &Array2<T>, expected: &Array2<f64>, tolerance: fn(f64) -> f64) -> f64 {
    assert_eq!(actual.nrows(), expected.ncols(), "{case}: number of frames");
    let mut largest: f64 = 0.0;
    for ((row, frame), &expected) in expected.indexed_iter() {
        let actual = actual[[frame, row]].widen();
        let difference = (actual - expected).abs();
        assert!(difference <= tolerance(expected), "{case}: row {row}, frame {frame}: {actual}, librosa {expected}");
        largest = largest.max(difference);
    }
    largest
}

/// Checks every golden case in one precision; returns the number of cases and the maximum difference.
fn check_all_cases<T: Sample>(tolerance: fn(f64) -> f64) -> (usize, f64) {
    let manifest = golden::json("mfcc/manifest.json");
    let (mut n, mut largest) = (0, 0.0_f64);
    for (case, record) in manifest["cases"].as_object().unwrap() {
        let config = golden::front_end(&manifest["configs"][case.split('/').next().unwrap()]);
        let samples = signal::<T>(&format!("mfcc/{}", record["input"].as_str().unwrap()));
        let result = features_with_floor(&config, &samples, TOP_DB);
        n += 1;
        let Some(file) = record["golden_f64"].as_str() else {
            assert!(record["raises"].is_string(), "{case}");
            assert_eq!(result.unwrap_err(), FrontEndError::TooShort { expected: config.n_fft, found: samples.len() }, "{case}");
            continue;
        };
        let difference = compare(case, &result.unwrap(), &golden::matrix(&format!("mfcc/{file}")), tolerance);
        println!("{case}: {difference:.2e}");
        largest = largest.max(difference);
    }
    (n, largest)
}

#[test]
fn a_block_with_a_floor_is_that_of_librosa() {
    let config = FrontEndConfig { average_frames: 3, delta_width: 5, floor_db: Some(45.0), ..FrontEndConfig::speech_25_10() };
    let expected = golden::matrix("floor/voice1s.npy");
    let samples: Vec<f32> = signal("mfcc/sig_16000_voice1s.npy");
    let (mut front_end, mut steps) = (FrontEnd::new(&config).unwrap(), Vec::new());
    let mut take = |step: &[f32]| steps.extend_from_slice(step);
    front_end.push(&samples, &mut take).unwrap();
    front_end.finish(&mut take);
    let mut block = BlockFeatures::new(&config);
    let found = block.of(&steps);
    let found = Array2::from_shape_vec((found.len() / config.n_features(), config.n_features()), found.to_vec()).unwrap();
    println!("largest difference: {:.1e}", compare("floor", &found, &expected, tolerance_f32));
}

#[test]
fn every_golden_case_in_f64() {
    let (n, largest) = check_all_cases::<f64>(tolerance_f64);
    println!("largest difference of {n} cases in f64: {largest:.2e}");
    assert_eq!(n, 46);
}

#[test]
fn every_golden_case_in_f32() {
    let (n, largest) = check_all_cases::<f32>(tolerance_f32);
    println!("largest difference of {n} cases in f32: {largest:.2e}");
    assert_eq!(n, 46);
}

#[test]
fn a_stream_without_floor_is_librosa_without_top_db() {
    for letter in ['A', 'C'] {
        let expected = golden::matrix(&format!("mfcc/{letter}_voice_mfcc13_no_topdb_f64.npy"));
        let wide = stream(&config(letter), &signal::<f64>("mfcc/sig_16000_voice.npy"), 700);
        let narrow = stream(&config(letter), &signal::<f32>("mfcc/sig_16000_voice.npy"), 700);
        println!("{letter} f64: {:.2e}", compare("f64", &wide, &expected, tolerance_f64));
        println!("{letter} f32: {:.2e}", compare("f32", &narrow, &expected, tolerance_f32));
    }
}

#[test]
fn the_stages_are_librosas() {
    for letter in ['A', 'C'] {
        let config = config(letter);
        let samples = signal::<f64>("mfcc/sig_16000_voice.npy");
        let start = 10 * config.hop_length - config.n_fft / 2;
        let frame = &samples[start..start + config.n_fft];
        let golden = |stage: &str| golden::vector(&format!("mfcc/{letter}_voice_{stage}_frame10_f64.npy"));

        let bank = MelBank::<f64>::new(&config);
        let mut spectrum = PowerSpectrum::<f64>::new(&config);
        let mut power = vec![0.0; bank.n_padded_bins()];
        spectrum.of_frame(frame, &mut power);
        let expected = golden("power");
        close(&format!("{letter} power"), &power[..spectrum.n_bins()], expected.iter(), 1e-12 * peak(&expected));

        // librosa's weights are rounded to f32.
        let mut energies = vec![0.0; bank.n_mels()];
        bank.apply(&power, &mut energies);
        let expected = golden("mel");
        close(&format!("{letter} mel"), &energies, expected.iter(), 1e-7 * peak(&expected));

        // This stage's reference has librosa's floor.
        let expected = golden("logmel");
        let floor = expected.fold(f64::INFINITY, |a, &b| a.min(b));
        let levels: Vec<f64> = LogMel::new(&config).of_frame(frame).iter().map(|level| level.max(floor)).collect();
        close(&format!("{letter} logmel"), &levels, expected.iter(), 1e-5);
    }
}

fn peak(values: &Array1<f64>) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

fn close<'a>(what: &str, actual: &[f64], expected: impl ExactSizeIterator<Item = &'a f64>, tolerance: f64) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (i, (actual, expected)) in actual.iter().zip(expected).enumerate() {
        assert!((actual - expected).abs() <= tolerance, "{what} {i}: {actual}, librosa {expected}");
    }
}

#[test]
fn the_mel_filters_are_librosas() {
    let expected = golden::matrix("mfcc/C_melfb_40x257_f64.npy");
    let filters = mel::filters(&config('C'));
    assert_eq!((filters.len(), filters[0].len()), expected.dim());
    for (row, expected) in filters.iter().zip(expected.rows()) {
        close("filter", row, expected.iter(), 1e-15);
    }

    let manifest = golden::json("mfcc/manifest.json");
    for (name, record) in manifest["mel_filters"].as_object().unwrap() {
        let filters = mel::filters(&golden::front_end(&manifest["configs"][name]));
        let numbers = |key: &str| record[key].as_array().unwrap().iter().map(|v: &Value| v.as_f64().unwrap()).collect::<Vec<_>>();
        let (sums, firsts, lengths) = (numbers("row_sum"), numbers("row_first_bin"), numbers("row_len"));
        assert_eq!(filters.len(), sums.len());
        for (m, row) in filters.iter().enumerate() {
            let covered: Vec<usize> = (0..row.len()).filter(|&bin| row[bin] > 0.0).collect();
            assert_eq!(covered.first().map_or(-1.0, |&bin| bin as f64), firsts[m], "{name} filter {m}");
            assert_eq!(covered.len() as f64, lengths[m], "{name} filter {m}");
            let sum: f64 = row.iter().sum();
            assert!((sum - sums[m]).abs() < 1e-13 * (1.0 + sums[m]), "{name} filter {m}: {sum}, librosa {}", sums[m]);
        }
    }
}

/// Derivatives of the rows of a matrix, `[rows, frames]`, as computed for a stream: `(delta, delta2)`.
fn derivatives(rows: &Array2<f64>, mode: DeltaMode) -> (Array2<f64>, Array2<f64>) {
    let n = rows.nrows();
    let config = FrontEndConfig {
        n_mfcc: n,
        delta_mode: mode,
        groups: vec![FeatureGroup::Delta, FeatureGroup::Delta2],
        ..FrontEndConfig::librosa_16k()
    };
    let mut assembler = Assembler::<f64>::new(&config);
    let mut frames = Vec::new();
    let mut collect = |frame: &[f64]| frames.extend_from_slice(frame);
    for column in rows.columns() {
        assembler.push(&column.to_vec(), &mut collect);
    }
    assembler.finish(&mut collect);
    let frames = Array2::from_shape_vec((rows.ncols(), 2 * n), frames).unwrap().reversed_axes();
    (frames.slice(s![..n, ..]).to_owned(), frames.slice(s![n.., ..]).to_owned())
}

#[test]
fn the_derivatives_are_librosas() {
    let (delta, delta2) = derivatives(&golden::matrix("mfcc/delta_in_3x20.npy"), DeltaMode::Interp);
    for (actual, file) in [(delta, "delta1_interp_3x20"), (delta2, "delta2_interp_3x20")] {
        let expected = golden::matrix(&format!("mfcc/{file}.npy"));
        for (row, expected) in actual.rows().into_iter().zip(expected.rows()) {
            close(file, &row.to_vec(), expected.iter(), 1e-12);
        }
    }
    // Exactly as many frames as the width of the filter.
    let nine = golden::matrix("mfcc/delta_in_9.npy");
    let (delta, _) = derivatives(&nine, DeltaMode::Interp);
    close("nine frames", &delta.row(0).to_vec(), golden::matrix("mfcc/delta1_interp_9.npy").iter(), 1e-12);
}

#[test]
fn nearest_mode_is_librosas() {
    for letter in ['A', 'C'] {
        let config = FrontEndConfig { delta_mode: DeltaMode::Nearest, groups: vec![FeatureGroup::Delta], ..config(letter) };
        let expected = golden::matrix(&format!("mfcc/{letter}_voice_delta1_nearest_f64.npy"));
        let wide = features_with_floor(&config, &signal::<f64>("mfcc/sig_16000_voice.npy"), TOP_DB).unwrap();
        let narrow = features_with_floor(&config, &signal::<f32>("mfcc/sig_16000_voice.npy"), TOP_DB).unwrap();
        compare("f64", &wide, &expected, tolerance_f64);
        compare("f32", &narrow, &expected, tolerance_f32);
    }
}

#[test]
fn too_few_frames_for_the_filter_are_filtered_as_if_the_edges_repeated() {
    let rows = Array2::from_shape_vec((1, 5), vec![1.0, 4.0, 9.0, 7.0, 2.0]).unwrap();
    let interp = derivatives(&rows, DeltaMode::Interp);
    let nearest = derivatives(&rows, DeltaMode::Nearest);
    assert_eq!(interp, nearest);
    let repeated = |t: i64| rows[[0, t.clamp(0, 4) as usize]];
    for t in 0..5 {
        let expected: f64 = (-4..=4).map(|k| k as f64 * repeated(t + k)).sum::<f64>() / 60.0;
        assert!((interp.0[[0, t as usize]] - expected).abs() < 1e-12);
    }
}

#[test]
fn recordings_give_librosas_features() {
    for clip in ["03a02Nc", "08a01Wa", "12a01Fb"] {
        let file = test_support::sample(&format!("{clip}.flac"));
        let samples = moodline_engine::decode::read_mono_resampled(&file, 16_000).unwrap();
        let wide: Vec<f64> = samples.iter().map(|&sample| f64::from(sample)).collect();
        for letter in ['A', 'C'] {
            let expected = golden::matrix(&format!("real/{letter}_{clip}.npy"));
            let wide = compare(clip, &features_with_floor(&config(letter), &wide, TOP_DB).unwrap(), &expected, tolerance_f64);
            let narrow =
                compare(clip, &features_with_floor(&config(letter), &samples, TOP_DB).unwrap(), &expected, tolerance_f32);
            println!("{clip} {letter}: f64 {wide:.2e}, f32 {narrow:.2e}");
        }
    }
}

/// Features of a stream that arrives in pieces of `cut` samples.
fn stream<T: Sample>(config: &FrontEndConfig, samples: &[T], cut: usize) -> Array2<T> {
    let mut front_end = FrontEnd::new(config).unwrap();
    let mut values = Vec::new();
    for part in samples.chunks(cut) {
        front_end.push(part, &mut |step: &[T]| values.extend_from_slice(step)).unwrap();
    }
    front_end.finish(&mut |step: &[T]| values.extend_from_slice(step));
    Array2::from_shape_vec((values.len() / front_end.step_len(), front_end.step_len()), values).unwrap()
}

/// `config` with prosody added to its groups.
fn with_prosody(config: &FrontEndConfig) -> FrontEndConfig {
    let groups = config.groups.iter().copied().chain([FeatureGroup::Prosody]).collect();
    FrontEndConfig { groups, ..config.clone() }
}

fn any_config() -> impl Strategy<Value = FrontEndConfig> {
    (
        prop_oneof![Just('A'), Just('C'), Just('D'), Just('E')],
        1_usize..=3,
        any::<bool>(),
        prop_oneof![Just(3_usize), Just(9), Just(21)],
        prop_oneof![
            Just(vec![FeatureGroup::Mfcc]),
            Just(vec![FeatureGroup::Delta2, FeatureGroup::Mfcc]),
            Just(vec![FeatureGroup::Mfcc, FeatureGroup::Delta, FeatureGroup::Delta2]),
            Just(vec![FeatureGroup::Prosody]),
            Just(vec![FeatureGroup::Delta, FeatureGroup::Prosody, FeatureGroup::Mfcc])
        ],
    )
        .prop_map(|(letter, average_frames, nearest, delta_width, groups)| FrontEndConfig {
            average_frames,
            delta_width,
            delta_mode: if nearest { DeltaMode::Nearest } else { DeltaMode::Interp },
            groups,
            ..config(letter)
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Each frame is computed once, with the same arithmetic, however the audio is cut and whatever the front end processed before.
    #[test]
    fn the_cut_never_changes_a_bit(config in any_config(), n in 0_usize..6000, cuts in prop::collection::vec(0_usize..1500, 0..12)) {
        let samples: Vec<f32> = signal("mfcc/sig_16000_voice.npy")[2000..2000 + n].to_vec();
        let mut front_end = FrontEnd::<f32>::new(&config).unwrap();
        for _ in 0..2 {
            let (mut values, mut rest) = (Vec::new(), &samples[..]);
            for &cut in cuts.iter().chain([&n]) {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                front_end.push(now, &mut |step: &[f32]| values.extend_from_slice(step)).unwrap();
                rest = later;
            }
            front_end.finish(&mut |step: &[f32]| values.extend_from_slice(step));
            if n == 0 {
                prop_assert!(values.is_empty());
                continue;
            }
            match features(&config, &samples) {
                Ok(whole) => prop_assert_eq!(&values[..], whole.as_slice().unwrap()),
                Err(error) => {
                    prop_assert_eq!(error, FrontEndError::TooShort { expected: config.n_fft, found: n });
                    prop_assert!(values.is_empty());
                }
            }
        }
    }

    /// A reset discards all state of the previous stream.
    #[test]
    fn a_reset_forgets_everything(n in 0_usize..3000) {
        let samples: Vec<f32> = signal("mfcc/sig_16000_voice.npy");
        let config = with_prosody(&config('C'));
        let mut front_end = FrontEnd::<f32>::new(&config).unwrap();
        front_end.push(&samples[..n], &mut |_: &[f32]| ()).unwrap();
        front_end.reset();
        let mut values = Vec::new();
        front_end.push(&samples, &mut |step: &[f32]| values.extend_from_slice(step)).unwrap();
        front_end.finish(&mut |step: &[f32]| values.extend_from_slice(step));
        let whole = features(&config, &samples).unwrap();
        prop_assert_eq!(&values[..], whole.as_slice().unwrap());
    }
}

#[test]
fn steps_are_means_of_frames_on_the_grid_of_the_stream() {
    let samples = signal::<f64>("mfcc/sig_16000_voice.npy");
    let frames = features(&config('C'), &samples).unwrap();
    let steps = features(&FrontEndConfig { average_frames: 3, ..config('C') }, &samples).unwrap();
    assert_eq!((frames.nrows(), steps.nrows()), (61, 21));
    for (step, frames) in steps.rows().into_iter().zip(frames.axis_chunks_iter(ndarray::Axis(0), 3)) {
        for (value, column) in step.iter().zip(frames.columns()) {
            assert!((value - column.mean().unwrap()).abs() < 1e-10);
        }
    }
}

#[test]
fn nothing_is_allocated_after_construction() {
    let samples = signal::<f32>("mfcc/sig_16000_voice.npy");
    for letter in ['A', 'C', 'D', 'E'] {
        for average_frames in [1, 3] {
            let mut front_end = FrontEnd::new(&FrontEndConfig { average_frames, ..with_prosody(&config(letter)) }).unwrap();
            let mut sum = 0.0;
            without_allocation(|| {
                for cut in [1, 64, 513, samples.len()] {
                    for part in samples.chunks(cut) {
                        front_end.push(part, &mut |step: &[f32]| sum += step[0]).unwrap();
                    }
                    front_end.finish(&mut |step: &[f32]| sum += step[0]);
                    front_end.push(&samples[..1000], &mut |step: &[f32]| sum += step[0]).unwrap();
                    front_end.reset();
                }
            });
            assert!(sum.is_finite());
        }
    }
}

#[test]
fn a_sample_that_is_no_number_is_named_and_nothing_is_consumed() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 2e12] {
        let mut samples = vec![0.25_f32; 3000];
        let clean = features(&config('C'), &samples).unwrap();
        samples[1234] = bad;
        let Err(FrontEndError::Sample { index: 1234, found }) = features(&config('C'), &samples) else { panic!("{bad}") };
        assert!(found == f64::from(bad) || found.is_nan() && bad.is_nan());

        let mut front_end = FrontEnd::new(&config('C')).unwrap();
        let mut values = Vec::new();
        front_end.push(&samples[..1000], &mut |step: &[f32]| values.extend_from_slice(step)).unwrap();
        let before = values.len();
        let error = front_end.push(&samples[1000..], &mut |step: &[f32]| values.extend_from_slice(step)).unwrap_err();
        assert!(error.to_string().contains("sample 1234 must be a finite number"), "{error}");
        assert_eq!(values.len(), before);
        front_end.push(&[0.25; 2000], &mut |step: &[f32]| values.extend_from_slice(step)).unwrap();
        front_end.finish(&mut |step: &[f32]| values.extend_from_slice(step));
        assert_eq!(&values[..], clean.as_slice().unwrap());
    }
}

#[test]
fn the_loudest_allowed_samples_give_finite_features() {
    for letter in ['A', 'D'] {
        let config = with_prosody(&config(letter));
        let samples: Vec<f32> = (0..20_000).map(|i| if i % 7 < 3 { 1e12 } else { -1e12 }).collect();
        assert!(features(&config, &samples).unwrap().iter().all(|value| value.is_finite()));
        assert!(features(&config, &[1e12_f32; 20_000]).unwrap().iter().all(|value| value.is_finite()));
    }
}

#[test]
fn an_empty_clip_is_one_frame_of_silence_and_an_empty_stream_nothing() {
    let step = features::<f32>(&config('C'), &[]).unwrap();
    assert_eq!(step.dim(), (1, 39));
    let recorded = &golden::json("mfcc/manifest.json")["raises"]["empty"];
    assert_eq!(recorded["returns_shape"], serde_json::json!([13, 1]));
    assert!((f64::from(step[[0, 0]]) - recorded["first"].as_f64().unwrap()).abs() < 1e-3);
    assert!(step.iter().skip(1).all(|value| value.abs() < 1e-4));

    let mut front_end = FrontEnd::<f32>::new(&config('C')).unwrap();
    front_end.finish(&mut |_: &[f32]| panic!("a step of an empty stream"));
    front_end.push(&[], &mut |_: &[f32]| panic!("a step of no samples")).unwrap();
    front_end.finish(&mut |_: &[f32]| panic!("a step of an empty stream"));
}

#[test]
fn a_setting_out_of_range_is_refused() {
    let Err(FrontEndError::Config(error)) = features_with_floor::<f32>(&config('A'), &[], 0.0) else { panic!("a floor of 0 dB") };
    assert_eq!((error.field, error.found.as_str()), ("top_db", "0"));
    let with_floor = r#"{"top_db":80.0}"#;
    let unknown = serde_json::from_str::<FrontEndConfig>(with_floor).unwrap_err().to_string();
    assert!(unknown.contains("unknown field `top_db`"), "a stream has no floor: {unknown}");
    assert!(matches!(FrontEnd::<f32>::new(&FrontEndConfig { n_mfcc: 0, ..config('A') }).err(), Some(FrontEndError::Config(_))));
}

#[test]
fn extreme_but_valid_configurations_work() {
    let samples = signal::<f32>("mfcc/sig_16000_voice.npy");
    let tiny = FrontEndConfig { n_fft: 16, win_length: 1, hop_length: 1, n_mels: 1, n_mfcc: 1, ..config('A') };
    let wide = FrontEndConfig {
        n_fft: 65_536,
        win_length: 65_536,
        hop_length: 65_536,
        n_mels: 512,
        n_mfcc: 512,
        delta_width: 101,
        ..config('A')
    };
    let odd =
        FrontEndConfig { n_fft: 1_002, win_length: 401, hop_length: 161, n_mels: 33, n_mfcc: 33, lifter: 22, ..config('A') };
    for (config, n_frames) in [(tiny, 9601), (wide, 1), (odd, 60)] {
        let result = features(&with_prosody(&config), &samples).unwrap();
        assert_eq!(result.dim(), (n_frames, 3 * config.n_mfcc + 5));
        assert!(result.iter().all(|value| value.is_finite()));
    }
}

#[test]
fn the_scaler_is_scikit_learns() {
    let x = golden::matrix("ml/scaler_X_80x39.npy");
    let (mean, scale) = (golden::vector("ml/scaler_mean.npy"), golden::vector("ml/scaler_scale.npy"));
    let whole = fit(x.as_slice().unwrap());
    let mut merged = ScalerFit::new(39);
    for part in x.as_slice().unwrap().chunks(39 * 24) {
        let mut fit = ScalerFit::new(39);
        fit.update(part);
        merged.merge(&fit);
    }
    merged.merge(&ScalerFit::new(39));
    assert_eq!(merged.n_vectors(), 80);
    for scaler in [whole, merged.finish().unwrap()] {
        for i in 0..39 {
            let expected = (mean[i], scale[i]);
            assert!(
                (scaler.mean[i] - expected.0).abs() <= 1e-12 * (1.0 + expected.0.abs()),
                "mean {i}: {} {}",
                scaler.mean[i],
                expected.0
            );
            assert!((scaler.scale[i] - expected.1).abs() <= 1e-12 * expected.1, "scale {i}: {} {}", scaler.scale[i], expected.1);
        }
        let mut z = x.clone();
        scaler.apply(z.as_slice_mut().unwrap());
        for ((at, actual), expected) in z.indexed_iter().zip(&golden::matrix("ml/scaler_Z_80x39.npy")) {
            assert!((actual - expected).abs() <= 1e-9, "{at:?}: {actual} {expected}");
        }
    }
    assert_eq!(ScalerFit::new(39).finish(), Err(ScalerError::Empty));
}

fn fit(features: &[f64]) -> Scaler {
    let mut fit = ScalerFit::new(39);
    fit.update(features);
    fit.finish().unwrap()
}
