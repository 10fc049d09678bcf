//! The plugin as presented by a VST3 host, loaded or not.

use serde_json::Value;
use test_support::hosts;
use vst3::Steinberg::Vst::ParameterInfo_::ParameterFlags_::{kIsBypass, kIsList};
use vst3::Steinberg::Vst::SpeakerArr::{kMono, kStereo};
use vst3::Steinberg::kResultOk;

use super::module::load;
use super::track::{INPUT, OUTPUT, Track};
use crate::host::bus::Bus;
use crate::host::{Mode, hash};

fn text(bytes: &[i8]) -> String {
    bytes.iter().take_while(|&&byte| byte != 0).map(|&byte| byte as u8 as char).collect()
}

#[test]
fn lists_are_lists_and_parameters_have_groups() {
    let Some(module) = load() else { return };
    let plugin = &Track::new(&module).plugin.clone();
    let mut units = Vec::new();
    for index in 0..plugin.n_parameters() {
        let info = plugin.parameter(index).unwrap();
        let is = |id: &str| info.id == hash(id);
        let flags = info.flags as u32;
        assert_eq!(flags & kIsList as u32 != 0, is("source") || is("backend"));
        assert_eq!(flags & kIsBypass as u32 != 0, is("bypass"));
        assert_eq!(info.unitId == 0, is("bypass"), "all but bypass belong to a group");
        units.push(info.unitId);
    }
    units.sort_unstable();
    units.dedup();
    assert_eq!(units.len(), 4, "the root and three groups");
}

#[test]
fn the_module_info_says_what_the_library_says() {
    let (Some(module), Some(bundle)) = (load(), hosts::vst3()) else { return };
    let info = std::fs::read_to_string(bundle.join("Contents/Resources/moduleinfo.json")).unwrap();
    let info: Value = serde_json::from_str(&info).unwrap();
    let classes = module.classes();
    let class = &classes[0];
    let told = &info["Classes"][0];
    let cid: String = class.cid.iter().map(|&byte| format!("{:02X}", byte as u8)).collect();
    assert_eq!(told["CID"], cid);
    assert_eq!(told["Category"], text(&class.category));
    assert_eq!(told["Name"], text(&class.name));
    assert_eq!(told["Vendor"], text(&class.vendor));
    assert_eq!(told["Version"], text(&class.version));
    assert_eq!(told["SDKVersion"], text(&class.sdkVersion));
    assert_eq!(told["Class Flags"], class.classFlags);
    assert_eq!(told["Cardinality"], class.cardinality);
    let categories: Vec<&str> = told["Sub Categories"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(categories.join("|"), text(&class.subCategories));
    let factory = module.factory_info();
    assert_eq!(info["Factory Info"]["Vendor"], text(&factory.vendor));
    assert_eq!(info["Factory Info"]["URL"], text(&factory.url));
    assert_eq!(info["Factory Info"]["E-Mail"], text(&factory.email));
    assert!(!text(&factory.url).is_empty() && !text(&factory.email).is_empty());
}

#[test]
fn one_channel_becomes_two_and_two_become_one() {
    let Some(module) = load() else { return };
    let mut track = Track::new(&module);
    let channel = |sample: f32| Some(vec![sample; 64]);
    for (input, output, played, expected) in [
        (kMono, kStereo, vec![channel(0.5)], vec![channel(0.5), channel(0.5)]),
        (kStereo, kMono, vec![channel(0.5), channel(-0.25)], vec![channel(0.125)]),
    ] {
        assert_eq!(track.plugin.arrange(input, output), kResultOk);
        assert_eq!((track.plugin.arrangement(INPUT), track.plugin.arrangement(OUTPUT)), (input, output));
        assert_eq!(
            (track.plugin.n_channels(INPUT), track.plugin.n_channels(OUTPUT)),
            (played.len() as i32, expected.len() as i32)
        );
        assert_eq!(track.plugin.set_up(Mode::Realtime, 48e3, 64), kResultOk);
        assert_eq!(track.plugin.set_active(true), kResultOk);
        let made = vec![channel(9.0); expected.len()];
        let (mut heard, mut made) = (Bus::Channels(played), Bus::Channels(made));
        assert_eq!(track.process_bent(&mut heard, &mut made, 64), kResultOk);
        let Bus::Channels(made) = made else { unreachable!("it was made above") };
        assert!(made == expected, "{input:#x} to {output:#x}: {made:.3?}");
        assert_eq!(track.plugin.set_active(false), kResultOk);
    }
}
