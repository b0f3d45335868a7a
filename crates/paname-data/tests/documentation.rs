//! The manual's examples are configurations.

use paname_data::{InputsConfig, PredictionsConfig};

#[test]
fn every_example_is_understood() {
    let page = include_str!("../../../docs/data.md");
    let (mut inputs, mut predictions) = (0, 0);
    for example in page.split("```toml\n").skip(1) {
        let example = example.split("```").next().unwrap();
        let manifest: toml::Table = example.parse().unwrap();
        if let Some(table) = manifest.get("data").and_then(|data| data.get("inputs")) {
            let config: InputsConfig = table.clone().try_into().expect(example);
            // No file is there: whatever is found wrong before one is looked for is wrong with the example.
            let error = config.describe(std::path::Path::new("nowhere")).unwrap_err().to_string();
            assert!(error.contains("cannot be"), "{error}\n{example}");
            inputs += 1;
        }
        if let Some(target) = manifest.get("target") {
            let mut target = target.as_table().unwrap().clone();
            target.remove("adapter");
            let _: PredictionsConfig = target.try_into().expect(example);
            predictions += 1;
        }
    }
    assert_eq!((inputs, predictions), (6, 2));
}
