//! The audio thread's side of the live analysis: pushed audio arrives, audio that does not fit becomes a gap at its time, and nothing allocates.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use moodline_engine::GapReason;
use moodline_engine::live::{
    AudioTap, MAX_RING_SAMPLES, Missing, Piece, RING_SECONDS, Source, StreamFormat, StreamReader, Transport,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use test_support::allocation::without_allocation;

/// A low rate, so that a full ring is small.
const RATE: u32 = 8_000;
const CAPACITY: usize = RATE as usize * RING_SECONDS;

/// A piece of audio, in owned form.
#[derive(Clone, Debug, PartialEq)]
enum Heard {
    Begin(Transport),
    Samples(Vec<f32>),
    Missing(Missing),
    End,
}

const PLAYING: StreamFormat = StreamFormat { sample_rate: RATE, offline: false };
const RENDERING: StreamFormat = StreamFormat { sample_rate: RATE, offline: true };

/// A clock that advances on request, and counts how often it is read.
#[derive(Clone, Default)]
pub(crate) struct Clock(Arc<[AtomicU64; 2]>);

impl Clock {
    pub(crate) fn advance(&self, time: Duration) {
        self.0[0].fetch_add(time.as_nanos() as u64, Ordering::SeqCst);
    }

    fn n_looks(&self) -> u64 {
        self.0[1].load(Ordering::SeqCst)
    }

    pub(crate) fn stream(&self, format: StreamFormat) -> (AudioTap, StreamReader) {
        let Self(clock) = self.clone();
        let now = move || {
            clock[1].fetch_add(1, Ordering::SeqCst);
            Duration::from_nanos(clock[0].load(Ordering::SeqCst))
        };
        AudioTap::with_clock(format, Box::new(now))
    }
}

/// A stream of a playing host, after enough time that no audio arrives too early.
fn stream() -> (AudioTap, StreamReader) {
    let clock = Clock::default();
    let stream = clock.stream(PLAYING);
    clock.advance(Duration::from_secs(3600));
    stream
}

/// Everything available, with consecutive samples joined into one piece.
fn read_all(reader: &mut StreamReader) -> Vec<Heard> {
    let mut heard = Vec::new();
    reader.read(|piece| {
        match piece {
            Piece::Begin(transport) => heard.push(Heard::Begin(transport)),
            Piece::Missing(missing) => heard.push(Heard::Missing(missing)),
            Piece::End => heard.push(Heard::End),
            Piece::Samples(samples) => match heard.last_mut() {
                Some(Heard::Samples(all)) => all.extend_from_slice(samples),
                _ => heard.push(Heard::Samples(samples.to_vec())),
            },
        }
        ControlFlow::Continue(())
    });
    heard
}

fn n_frames(heard: &[Heard]) -> (u64, u64) {
    heard.iter().fold((0, 0), |(read, missing), piece| match piece {
        Heard::Begin(_) | Heard::End => (read, missing),
        Heard::Samples(samples) => (read + samples.len() as u64, missing),
        Heard::Missing(gap) => (read, missing + gap.n_frames),
    })
}

/// One frame, following the documentation of [`Source`].
fn expected_frame(frame: &[f64], source: Source) -> f64 {
    match (source, frame) {
        (_, [only]) => *only,
        (Source::Mix, all) => all.iter().sum::<f64>() / all.len() as f64,
        (Source::Left, all) => all[0],
        (Source::Right, all) => all[1],
        (Source::Mid, all) => (all[0] + all[1]) / 2.0,
        (Source::Side, all) => (all[0] - all[1]) / 2.0,
    }
}

#[test]
fn buffers_of_any_size_arrive_as_the_source_says_without_an_allocation() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let (mut tap, mut reader) = stream();
    for _ in 0..400 {
        let n_channels = random.random_range(1..=8);
        let n = random.random_range(1..=8192);
        let source = Source::ALL[random.random_range(0..Source::ALL.len())];
        let channels: Vec<Vec<f32>> = (0..n_channels).map(|_| (0..n).map(|_| random.random_range(-1.0..1.0)).collect()).collect();
        let buffers: Vec<&[f32]> = channels.iter().map(Vec::as_slice).collect();
        without_allocation(|| tap.push(&buffers, source, Transport::None));
        let samples: Vec<f32> = read_all(&mut reader)
            .into_iter()
            .flat_map(|piece| match piece {
                Heard::Samples(samples) => samples,
                Heard::Begin(_) => Vec::new(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(samples.len(), n);
        for (index, sample) in samples.iter().enumerate() {
            let frame: Vec<f64> = channels.iter().map(|channel| f64::from(channel[index])).collect();
            let expected = expected_frame(&frame, source);
            assert!((f64::from(*sample) - expected).abs() < 1e-6, "{source:?} of {n_channels}: {sample}, expected {expected}");
        }
    }
}

#[test]
fn nothing_is_lost_up_to_the_capacity() {
    let (mut tap, mut reader) = stream();
    let signal: Vec<f32> = (0..CAPACITY).map(|n| n as f32).collect();
    let mut position = 0;
    for buffer in signal.chunks(977) {
        without_allocation(|| tap.push(&[buffer], Source::Mix, Transport::Playing(position)));
        position += buffer.len() as i64;
    }
    assert_eq!(read_all(&mut reader), [Heard::Begin(Transport::Playing(0)), Heard::Samples(signal)]);
}

#[test]
fn an_overrun_is_a_gap_at_its_time_and_then_half_a_ring_is_kept_whole() {
    let (mut tap, mut reader) = stream();
    let buffer = [0.25_f32; 1000];
    let push = |tap: &mut AudioTap, position: usize| {
        without_allocation(|| tap.push(&[&buffer], Source::Mix, Transport::Playing(position as i64)));
    };
    for position in (0..CAPACITY + 5000).step_by(1000) {
        push(&mut tap, position);
    }
    let mut taken = 0;
    // A little space is not enough: the remaining piece would be too short to analyse.
    reader.read(|piece| {
        if let Piece::Samples(samples) = piece {
            taken += samples.len();
        }
        if taken > 10_000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    push(&mut tap, CAPACITY + 5000);
    let rest = read_all(&mut reader);
    let missing: u64 = n_frames(&rest).1;
    assert_eq!(taken as u64 + n_frames(&rest).0, CAPACITY as u64);
    assert_eq!(missing, 6000);
    let Some(Heard::Missing(first)) = rest.iter().find(|piece| matches!(piece, Heard::Missing(_))) else { panic!("no gap") };
    assert_eq!((first.transport, first.reason), (Transport::Playing(CAPACITY as i64), GapReason::Overrun));
    push(&mut tap, CAPACITY + 6000);
    let resumed = Transport::Playing(CAPACITY as i64 + 6000);
    assert_eq!(read_all(&mut reader), [Heard::Begin(resumed), Heard::Samples(buffer.to_vec())]);
}

#[test]
fn when_both_rings_are_full_every_frame_is_counted() {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let (mut tap, mut reader) = stream();
    let buffer = [0.5_f32; 700];
    let (mut pushed, mut read, mut missing) = (0_u64, 0, 0);
    for round in 0..20 {
        // Every buffer is at a different position: there are more events than fit.
        for _ in 0..1500 {
            let n = random.random_range(1..=buffer.len());
            let position = Transport::Playing(random.random_range(-1_000_000..1_000_000));
            if random.random_bool(0.1) {
                without_allocation(|| tap.skip(n, position));
            } else {
                without_allocation(|| tap.push(&[&buffer[..n]], Source::Mix, position));
            }
            pushed += n as u64;
        }
        if round % 4 == 3 {
            let heard = read_all(&mut reader);
            let (more_read, more_missing) = n_frames(&heard);
            (read, missing) = (read + more_read, missing + more_missing);
            assert!(
                heard.windows(2).all(|pair| !matches!(pair, [Heard::Missing(_), Heard::Samples(_)])),
                "audio after a gap has a place"
            );
        }
    }
    drop(tap);
    let (more_read, more_missing) = n_frames(&read_all(&mut reader));
    assert_eq!(read + more_read + missing + more_missing, pushed);
    assert!(read > 0 && missing > 0);
    assert!(reader.is_ended());
}

#[test]
fn only_a_jump_of_more_than_two_milliseconds_begins_anew() {
    let (mut tap, mut reader) = stream();
    let buffer = [0.1_f32; 80];
    let mut begins = |at: Transport, source: Source| {
        tap.push(&[&buffer, &buffer], source, at);
        read_all(&mut reader)
            .into_iter()
            .filter_map(|piece| if let Heard::Begin(at) = piece { Some(at) } else { None })
            .collect::<Vec<_>>()
    };
    let none: Vec<Transport> = Vec::new();
    let playing = Transport::Playing;
    assert_eq!(begins(playing(1000), Source::Mix), [playing(1000)]);
    assert_eq!(begins(playing(1080), Source::Mix), none);
    assert_eq!(begins(playing(1160 + 16), Source::Mix), none, "2 ms are 16 frames");
    assert_eq!(begins(playing(1240 - 16), Source::Mix), none, "and they do not add up");
    assert_eq!(begins(playing(1320 + 17), Source::Mix), [playing(1337)]);
    assert_eq!(begins(playing(1337 + 80), Source::Left), [playing(1417)]);
    assert_eq!(begins(Transport::Stopped, Source::Left), [Transport::Stopped]);
    assert_eq!(begins(Transport::Stopped, Source::Left), none);
    assert_eq!(begins(Transport::None, Source::Left), [Transport::None]);
    assert_eq!(begins(playing(i64::MAX), Source::Left), [playing(i64::MAX)]);
    assert_eq!(begins(playing(i64::MIN), Source::Left), [playing(i64::MIN)]);
}

#[test]
fn samples_that_are_no_numbers_stay_what_they_are() {
    let (mut tap, mut reader) = stream();
    let strange = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-40, -0.0, f32::MAX];
    without_allocation(|| tap.push(&[&strange], Source::Mix, Transport::None));
    let heard = read_all(&mut reader);
    let [Heard::Begin(Transport::None), Heard::Samples(samples)] = heard.as_slice() else { panic!("{heard:?}") };
    assert_eq!(samples.iter().map(|sample| sample.to_bits()).collect::<Vec<_>>(), strange.map(f32::to_bits));
}

#[test]
fn what_is_skipped_is_a_gap_at_its_time() {
    let (mut tap, mut reader) = stream();
    let buffer = [0.1_f32; 100];
    tap.push(&[&buffer], Source::Mix, Transport::Playing(0));
    for position in [100, 200, 300] {
        without_allocation(|| tap.skip(100, Transport::Playing(position)));
    }
    tap.push(&[&buffer], Source::Mix, Transport::Playing(400));
    let heard = read_all(&mut reader);
    assert_eq!(n_frames(&heard), (200, 300));
    let mut expected = Transport::Playing(100);
    for piece in &heard[2..heard.len() - 2] {
        let Heard::Missing(missing) = piece else { panic!("{piece:?}") };
        assert_eq!((missing.transport, missing.reason), (expected, GapReason::Bypass));
        expected = missing.end();
    }
    assert_eq!(heard[heard.len() - 2], Heard::Begin(Transport::Playing(400)));
}

#[test]
fn buffers_without_a_frame_or_a_channel_are_nothing() {
    let (mut tap, mut reader) = stream();
    without_allocation(|| {
        tap.push(&[], Source::Mix, Transport::None);
        tap.push(&[&[], &[]], Source::Side, Transport::None);
        tap.skip(0, Transport::None);
        // If a host breaks its promise of equal lengths, only the samples that both channels have are used.
        tap.push(&[&[0.5; 3], &[0.5; 2]], Source::Mix, Transport::None);
    });
    assert_eq!(read_all(&mut reader), [Heard::Begin(Transport::None), Heard::Samples(vec![0.5; 2])]);
}

/// Pushes three rings' worth as fast as possible to a slow reader, calling `before` before each buffer; all of it must arrive.
fn assert_nothing_is_lost((mut tap, mut reader): (AudioTap, StreamReader), before: fn(&mut AudioTap, usize)) {
    let total = 3 * CAPACITY;
    let pushing = thread::spawn(move || {
        let signal: Vec<f32> = (0..total).map(|n| n as f32).collect();
        for (index, buffer) in signal.chunks(8192).enumerate() {
            before(&mut tap, index);
            without_allocation(|| tap.push(&[buffer], Source::Mix, Transport::Playing(index as i64 * 8192)));
        }
    });
    let mut next = 0;
    while !reader.is_ended() {
        for piece in read_all(&mut reader) {
            match piece {
                Heard::Samples(samples) => {
                    for sample in samples {
                        assert_eq!(sample, next as f32);
                        next += 1;
                    }
                }
                other => assert_eq!(other, Heard::Begin(Transport::Playing(0))),
            }
        }
        thread::sleep(Duration::from_millis(5));
    }
    pushing.join().unwrap();
    assert_eq!(next, total);
}

#[test]
fn a_host_that_renders_loses_nothing_whatever_it_says_and_when() {
    let stopped = || Clock::default();
    assert_nothing_is_lost(AudioTap::new(RENDERING), |_, _| {});
    assert_nothing_is_lost(stopped().stream(PLAYING), |_, _| {});
    assert_nothing_is_lost(stopped().stream(RENDERING), |tap, index| tap.set_offline(index < 20));
    assert_nothing_is_lost(stopped().stream(PLAYING), |tap, index| tap.set_offline(index % 7 < 3));
}

#[test]
fn a_host_that_plays_never_waits() {
    let clock = Clock::default();
    let (mut tap, mut reader) = clock.stream(PLAYING);
    let buffer = [0.25_f32; 800];
    let (n_fitting, n_more) = (CAPACITY / buffer.len(), 100);
    for index in 0..n_fitting + n_more {
        // It computes 1.5 s ahead, which no host does.
        if index >= 15 {
            clock.advance(Duration::from_millis(100));
        }
        let position = index * buffer.len();
        let n_looks = clock.n_looks();
        without_allocation(|| tap.push(&[&buffer], Source::Mix, Transport::Playing(position as i64)));
        assert_eq!(clock.n_looks() - n_looks, u64::from(index >= n_fitting), "it looked again and again: buffer {index}");
    }
    drop(tap);
    let (n_read, n_missing) = n_frames(&read_all(&mut reader));
    assert_eq!((n_read as usize, n_missing as usize), (CAPACITY, n_more * buffer.len()));
}

#[test]
fn a_host_that_renders_waits_until_the_clock_has_caught_up_and_no_longer() {
    let start = std::time::Instant::now();
    // A hundred times as fast, so that the test is shorter than the ring.
    let fast = Box::new(move || start.elapsed() * 100);
    let (mut tap, mut reader) = AudioTap::with_clock(PLAYING, fast);
    let silence = vec![0.0_f32; CAPACITY];
    tap.push(&[&silence], Source::Mix, Transport::Playing(0));
    tap.push(&[&silence[..100]], Source::Mix, Transport::Playing(CAPACITY as i64));
    let waited = start.elapsed() * 100;
    assert!(waited >= Duration::from_secs(RING_SECONDS as u64 - 2), "only {waited:?}");
    let gap = Missing { transport: Transport::Playing(CAPACITY as i64), n_frames: 100, reason: GapReason::Overrun };
    assert_eq!(read_all(&mut reader).last(), Some(&Heard::Missing(gap)));
}

#[test]
fn a_worker_that_catches_up_while_the_tap_looks_at_the_clock_costs_nothing() {
    let reader: Arc<Mutex<Option<StreamReader>>> = Arc::default();
    let worker = Arc::clone(&reader);
    let clock = move || {
        // It reads the clock itself.
        if let Ok(mut reader) = worker.try_lock()
            && let Some(reader) = &mut *reader
        {
            assert_eq!(n_frames(&read_all(reader)).1, 0, "something is lost");
            reader.looked();
        }
        Duration::ZERO
    };
    let (mut tap, stream) = AudioTap::with_clock(PLAYING, Box::new(clock));
    *reader.lock().unwrap() = Some(stream);
    let silence = vec![0.0_f32; CAPACITY / 2];
    for index in 0..10 {
        tap.push(&[&silence], Source::Mix, Transport::Playing(index * silence.len() as i64));
    }
    drop(tap);
    let mut reader = reader.lock().unwrap().take().unwrap();
    assert_eq!(n_frames(&read_all(&mut reader)).1, 0, "something is lost");
}

#[test]
fn nobody_waits_for_a_reader_that_is_gone_or_for_room_that_cannot_come() {
    let clock = Clock::default();
    let (mut tap, reader) = clock.stream(PLAYING);
    tap.push(&[&vec![0.0; CAPACITY + 1]], Source::Mix, Transport::None);
    drop(reader);
    for _ in 0..3 {
        tap.push(&[&vec![0.0; CAPACITY]], Source::Mix, Transport::None);
    }
}

#[test]
fn no_ring_is_larger_than_four_mebibytes() {
    for sample_rate in [0, 1, 8_000, 44_100, 48_000, 96_000, 384_000, 768_000, u32::MAX] {
        let (mut tap, mut reader) = Clock::default().stream(StreamFormat { sample_rate, offline: false });
        let n_expected = MAX_RING_SAMPLES.min(sample_rate.clamp(8_000, 384_000) as usize * RING_SECONDS);
        tap.push(&[&vec![0.5; n_expected]], Source::Mix, Transport::None);
        assert_eq!(n_frames(&read_all(&mut reader)), (n_expected as u64, 0), "{sample_rate} Hz");
        tap.push(&[&vec![0.5; n_expected + 1]], Source::Mix, Transport::None);
        drop(tap);
        assert_eq!(n_frames(&read_all(&mut reader)), (0, n_expected as u64 + 1), "{sample_rate} Hz");
    }
}

#[test]
fn a_pause_ends_what_was_pushed_once() {
    let (mut tap, mut reader) = stream();
    let buffer = [0.1_f32; 100];
    let mut pauses = |tap: &mut AudioTap| {
        without_allocation(|| tap.pause());
        read_all(&mut reader)
    };
    assert_eq!(pauses(&mut tap), []);
    tap.push(&[&buffer], Source::Mix, Transport::Playing(0));
    let heard = [Heard::Begin(Transport::Playing(0)), Heard::Samples(buffer.to_vec()), Heard::End];
    assert_eq!(pauses(&mut tap), heard);
    assert_eq!(pauses(&mut tap), []);
    tap.push(&[&buffer], Source::Mix, Transport::Playing(100));
    let heard = [Heard::Begin(Transport::Playing(100)), Heard::Samples(buffer.to_vec()), Heard::End];
    assert_eq!(pauses(&mut tap), heard, "what comes next begins anew, also where it continues");
    tap.skip(100, Transport::Playing(200));
    assert!(!pauses(&mut tap).contains(&Heard::End), "a gap has ended it already");
}

#[test]
fn offline_nobody_waits_for_a_reader_that_is_gone() {
    let (mut tap, reader) = AudioTap::new(RENDERING);
    drop(reader);
    let buffer = vec![0.0_f32; 8192];
    for position in (0..2 * CAPACITY).step_by(8192) {
        tap.push(&[&buffer], Source::Mix, Transport::Playing(-(position as i64)));
    }
}
