(section . (atx_heading heading_content: (_) @name.text)) @definition.section
; the grammar nests no section under an underlined heading: it reaches to the next one
(setext_heading heading_content: (_) @name.text) @definition.section @open
