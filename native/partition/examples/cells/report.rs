//! Lines of figures, printed as they come and kept for JSON.

#[derive(Default)]
pub struct Report(Vec<String>);

impl Report {
    pub fn line(&mut self, what: &str, figures: &[(&str, f64)]) {
        let round = |value: f64| if value.fract() == 0.0 { format!("{value}") } else { format!("{value:.4}") };
        let printed: Vec<String> = figures.iter().map(|(name, value)| format!("{name} {}", round(*value))).collect();
        println!("{what}: {}", printed.join(", "));
        let fields: Vec<String> =
            figures.iter().map(|(name, value)| format!(",\"{name}\":{}", round(*value))).collect();
        self.0.push(format!("{{\"what\":\"{what}\"{}}}", fields.concat()));
    }

    pub fn json(&self) -> String {
        format!("[\n{}\n]\n", self.0.join(",\n"))
    }
}
