//! Markup in any text of the evidence is text in the report.

#![allow(clippy::unwrap_used, reason = "a sample that cannot be built fails its test")]

mod page;
mod sample;

use paname_evidence::Evidence;
use paname_report::{Language, html};
use proptest::prelude::*;
use serde_json::Value;

/// Puts `payload` into every text of the evidence that may be any text, found by trying: codes of closed lists refuse it and stay.
fn poisoned(evidence: &Evidence, payload: &str) -> (Evidence, usize) {
    let mut document = serde_json::to_value(evidence).unwrap();
    let mut places = Vec::new();
    collect(&document, String::new(), &mut places);
    let mut replaced = 0;
    for place in places {
        let Some(text) = document.pointer_mut(&place) else { continue };
        let before = std::mem::replace(text, Value::String(payload.to_owned()));
        if serde_json::from_value::<Evidence>(document.clone()).is_ok() {
            replaced += 1;
        } else if let Some(text) = document.pointer_mut(&place) {
            *text = before;
        }
    }
    let evidence: Evidence = serde_json::from_value(document).unwrap();
    (Evidence::new(evidence.core, evidence.exposed, evidence.run).unwrap(), replaced)
}

fn collect(value: &Value, place: String, places: &mut Vec<String>) {
    match value {
        Value::String(_) => places.push(place),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, item)| collect(item, format!("{place}/{i}"), places));
        }
        Value::Object(fields) => fields.iter().for_each(|(name, field)| {
            let name = name.replace('~', "~0").replace('/', "~1");
            collect(field, format!("{place}/{name}"), places);
        }),
        _ => {}
    }
}

#[test]
fn markup_in_every_text_stays_text() {
    let payload = r#"</style></title>"'><script>alert(1)</script><img src=x onerror=alert(1)>{{ lang }}{n}"#;
    for evidence in [sample::leak(), sample::scores(), sample::attributes(), sample::inversions()] {
        let (evidence, replaced) = poisoned(&evidence, payload);
        assert!(replaced > 20, "{replaced}");
        for language in Language::ALL {
            let html = html(&evidence, language).unwrap();
            page::check(&html);
            assert!(html.contains("&lt;script&gt;"));
            assert!(html.contains("{{ lang }}{n}"), "templates and placeholders in texts are not filled");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_text_stays_text(
        marks in proptest::collection::vec(prop_oneof![any::<char>(), Just('<'), Just('"'), Just('\''), Just('&'), Just('>'), Just('{'), Just('-')], 0..40),
    ) {
        let payload: String = marks.into_iter().collect();
        let mut evidence = sample::leak();
        let core = &mut evidence.core;
        core.declared = serde_json::json!({ "model": { "name": payload, "dp": { payload.clone(): [payload] } } });
        core.tool.name.clone_from(&payload);
        core.data.files = vec![(payload.clone(), payload.clone())];
        for row in &mut core.rows {
            row.id.clone_from(&payload);
            row.edpb.clone_from(&payload);
            if let Some(attack) = &mut row.attack {
                for text in [&mut attack.title_fr, &mut attack.title_en, &mut attack.summary_fr, &mut attack.formula, &mut attack.paper] {
                    text.clone_from(&payload);
                }
            }
            for slice in row.membership.iter_mut().flat_map(|result| &mut result.slices) {
                slice.value.clone_from(&payload);
            }
        }
        evidence.run.finished.clone_from(&payload);
        let evidence = Evidence::new(evidence.core, evidence.exposed, evidence.run).unwrap();
        for language in Language::ALL {
            page::check(&html(&evidence, language).unwrap());
        }
    }
}
