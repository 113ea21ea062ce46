//! Values as they stand in a notebook: Python literals, markdown text, shell words.

use serde_json::Value;

/// A value as a Python literal.
pub(super) fn python(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => python_text(text),
        Value::Array(values) => format!(
            "[{}]",
            values.iter().map(python).collect::<Vec<_>>().join(", ")
        ),
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| {
                format!("{}: {}", python_text(name), python(value))
            };
            format!(
                "{{{}}}",
                fields.iter().map(field).collect::<Vec<_>>().join(", ")
            )
        }
    }
}

/// A list with one value to a line.
pub(super) fn python_list(values: &[Value]) -> String {
    let lines: String = values
        .iter()
        .map(|value| format!("    {},\n", python(value)))
        .collect();
    format!("[\n{lines}]")
}

/// A text in the form of JSON, which is a Python literal too; what could end a line or turn the direction of
/// reading is written as its number.
fn python_text(text: &str) -> String {
    let json = Value::from(text).to_string();
    let mut literal = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\u{7F}'..='\u{9F}'
            | '\u{200B}'..='\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{2069}'
            | '\u{FEFF}' => {
                literal.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => literal.push(c),
        }
    }
    literal
}

/// A text as one line of markdown that looks like the text and is nothing else.
pub(super) fn markdown_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
    {
        if !line.is_empty() {
            line.push(' ');
        }
        for c in word.chars() {
            if matches!(
                c,
                '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '$' | '!' | '&'
            ) {
                line.push('\\');
            }
            line.push(c);
        }
    }
    line
}

/// A text that stands within a fence of three backticks and cannot close it.
pub(super) fn fenced(text: &str) -> String {
    text.replace("```", "'''")
}

/// A word of a shell command, on one line.
pub(super) fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect();
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_become_python_literals() {
        let value =
            json!({"a": null, "b": [true, 1, -2.5], "c": "é \"x\" \\ \n \u{2028}\u{202E} '''"});
        assert_eq!(
            python(&value),
            r#"{"a": None, "b": [True, 1, -2.5], "c": "é \"x\" \\ \n \u2028\u202e '''"}"#
        );
    }

    #[test]
    fn a_title_stays_one_line_of_plain_text() {
        assert_eq!(
            markdown_line("a\n# b <script> $x$ [y](z)"),
            r"a \# b \<script\> \$x\$ \[y\](z)"
        );
    }

    #[test]
    fn a_path_stays_one_word_of_a_command() {
        assert_eq!(shell_word("/v/cmb/report-1.json"), "/v/cmb/report-1.json");
        assert_eq!(shell_word("a b'; rm -rf ~\n"), r"'a b'\''; rm -rf ~?'");
    }
}
