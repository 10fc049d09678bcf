//! What a VST3 host can know about the plugin without loading it.
//!
//! Source: VST 3 SDK, "Module Info" (`moduleinfo.json`, since 3.7.8). A test in a host compares it with what the library reports.

use serde_json::{Value, json};

/// The class id: the bytes of "MoodlineAnalyser".
const CLASS_ID: &str = "4D6F6F646C696E65416E616C79736572";
/// `ComponentFlags::kSimpleModeSupported`.
const SIMPLE_MODE_SUPPORTED: u32 = 1 << 1;
/// `PClassInfo::kManyInstances`.
const MANY_INSTANCES: u32 = 0x7FFF_FFFF;

/// The text of `moduleinfo.json` for `version`.
pub(super) fn text(version: &str) -> String {
    let info: Value = json!({
        "Name": "Moodline",
        "Version": version,
        "Factory Info": {
            "Vendor": "Moodline",
            "URL": "https://moodline.org",
            "E-Mail": "support@moodline.org",
            "Flags": {
                "Unicode": true,
                "Classes Discardable": false,
                "License Check": false,
                "Component Non Discardable": false
            }
        },
        "Compatibility": [],
        "Classes": [{
            "CID": CLASS_ID,
            "Category": "Audio Module Class",
            "Name": "Moodline",
            "Vendor": "Moodline",
            "Version": version,
            "SDKVersion": "VST 3.6.14",
            "Sub Categories": ["Fx", "Analyzer"],
            "Class Flags": SIMPLE_MODE_SUPPORTED,
            "Cardinality": MANY_INSTANCES,
            "Snapshots": []
        }]
    });
    format!("{info:#}\n")
}
