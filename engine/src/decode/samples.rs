//! Conversion of packets and decoded buffers to interleaved `f32` with full scale at 1.
//!
//! The values are those of symphonia's own conversions. The most common cases, PCM and two channels, are converted in one pass.

use symphonia::core::audio::{Audio as _, GenericAudioBufferRef};
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known as codec;

/// PCM that needs no decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Linear {
    S16,
    S24,
    S32,
    F32,
}

impl Linear {
    /// The encoding of a track; none if it needs a decoder.
    pub(super) fn of(parameters: &AudioCodecParameters) -> Option<Self> {
        if parameters.bits_per_sample.or(parameters.bits_per_coded_sample).is_some() {
            return None;
        }
        match parameters.codec {
            codec::CODEC_ID_PCM_S16LE => Some(Self::S16),
            codec::CODEC_ID_PCM_S24LE => Some(Self::S24),
            codec::CODEC_ID_PCM_S32LE => Some(Self::S32),
            codec::CODEC_ID_PCM_F32LE => Some(Self::F32),
            _ => None,
        }
    }

    /// Bytes per sample.
    pub(super) const fn n_bytes(self) -> usize {
        match self {
            Self::S16 => 2,
            Self::S24 => 3,
            Self::S32 | Self::F32 => 4,
        }
    }

    /// Replaces `samples` by those of `bytes`.
    pub(super) fn convert(self, bytes: &[u8], samples: &mut Vec<f32>) {
        samples.clear();
        match self {
            Self::S16 => samples.extend(bytes.as_chunks().0.iter().map(|bytes| from_i16(i16::from_le_bytes(*bytes)))),
            Self::S24 => {
                samples.extend(
                    bytes.as_chunks().0.iter().map(|&[low, middle, high]| from_i32(i32::from_le_bytes([0, low, middle, high]))),
                );
            }
            Self::S32 => samples.extend(bytes.as_chunks().0.iter().map(|bytes| from_i32(i32::from_le_bytes(*bytes)))),
            Self::F32 => samples.extend(bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes))),
        }
    }
}

fn from_i16(sample: i16) -> f32 {
    f32::from(sample) * (1.0 / 32_768.0)
}

fn from_i32(sample: i32) -> f32 {
    sample as f32 * (1.0 / 2_147_483_648.0)
}

/// Replaces `samples` by those of `buffer`.
pub(super) fn interleave(buffer: &GenericAudioBufferRef<'_>, samples: &mut Vec<f32>) {
    match buffer {
        GenericAudioBufferRef::S32(planes) if planes.num_planes() == 2 => {
            of_two(planes.plane(0), planes.plane(1), from_i32, samples);
        }
        GenericAudioBufferRef::F32(planes) if planes.num_planes() == 2 => {
            of_two(planes.plane(0), planes.plane(1), |sample| sample, samples);
        }
        other => other.copy_to_vec_interleaved(samples),
    }
}

fn of_two<T: Copy>(left: Option<&[T]>, right: Option<&[T]>, convert: impl Fn(T) -> f32, samples: &mut Vec<f32>) {
    let (left, right) = (left.unwrap_or_default(), right.unwrap_or_default());
    samples.clear();
    samples.resize(2 * left.len().min(right.len()), 0.0);
    for ((frame, left), right) in samples.as_chunks_mut::<2>().0.iter_mut().zip(left).zip(right) {
        *frame = [convert(*left), convert(*right)];
    }
}

#[cfg(test)]
mod tests {
    use symphonia::core::audio::{AsGenericAudioBufferRef as _, AudioBuffer, AudioMut as _, AudioSpec, Channels};
    use symphonia::core::codecs::audio::AudioDecoderOptions;
    use symphonia::core::packet::Packet;
    use symphonia::core::units::{Duration, Timestamp};

    use super::*;

    fn bytes(n: usize) -> Vec<u8> {
        (0..n as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
    }

    #[test]
    fn pcm_is_what_symphonia_makes_of_it() {
        let cases = [
            (codec::CODEC_ID_PCM_S16LE, Linear::S16),
            (codec::CODEC_ID_PCM_S24LE, Linear::S24),
            (codec::CODEC_ID_PCM_S32LE, Linear::S32),
            (codec::CODEC_ID_PCM_F32LE, Linear::F32),
        ];
        for (codec, linear) in cases {
            let mut parameters = AudioCodecParameters::new();
            parameters.for_codec(codec).with_sample_rate(48_000).with_channels(Channels::Discrete(2));
            assert_eq!(Linear::of(&parameters), Some(linear));
            let mut data = bytes(2 * 300 * linear.n_bytes());
            for extreme in [[0, 0, 0, 0x80], [0xff, 0xff, 0xff, 0x7f], [0, 0, 0, 0]] {
                data.extend(extreme.repeat(2 * linear.n_bytes()));
            }
            let mut found = Vec::new();
            linear.convert(&data, &mut found);
            let n_frames = (data.len() / 2 / linear.n_bytes()) as u64;
            let packet = Packet::new(0, Timestamp::new(0), Duration::new(n_frames), data);
            let mut decoder =
                symphonia::default::get_codecs().make_audio_decoder(&parameters, &AudioDecoderOptions::default()).unwrap();
            let mut expected = Vec::<f32>::new();
            decoder.decode(&packet).unwrap().copy_to_vec_interleaved(&mut expected);
            let bits = |samples: &[f32]| samples.iter().map(|sample| sample.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&found), bits(&expected), "{linear:?}");
            parameters.with_bits_per_coded_sample(12);
            assert_eq!(Linear::of(&parameters), None);
        }
    }

    #[test]
    fn two_channels_are_what_symphonia_makes_of_them() {
        let spec = AudioSpec::new(48_000, Channels::Discrete(2));
        let mut buffer = AudioBuffer::<i32>::new(spec, 500);
        buffer.render_uninit(Some(500));
        for channel in 0..2 {
            let values = bytes(2000 + 4 * channel);
            let values = values.as_chunks().0.iter().rev().map(|bytes| i32::from_le_bytes(*bytes));
            buffer.plane_mut(channel).unwrap().iter_mut().zip(values).for_each(|(sample, value)| *sample = value);
        }
        let (mut found, mut expected) = (vec![7.0; 3], Vec::<f32>::new());
        let buffer = buffer.as_generic_audio_buffer_ref();
        assert!(matches!(buffer, GenericAudioBufferRef::S32(_)));
        interleave(&buffer, &mut found);
        buffer.copy_to_vec_interleaved(&mut expected);
        assert_eq!(found, expected);
    }
}
