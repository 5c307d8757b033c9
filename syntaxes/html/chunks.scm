(comment) @comment

(element
  (start_tag (tag_name) @name.text)
  (#any-of? @name.text
    "head" "header" "nav" "main" "section" "article" "aside" "footer" "form" "table" "template" "dialog" "ul" "ol" "dl" "fieldset" "svg")) @definition.section
(script_element (start_tag (tag_name) @name.text)) @definition.section
(style_element (start_tag (tag_name) @name.text)) @definition.section
; an id is the better name
(element
  (start_tag
    (attribute
      (attribute_name) @_id
      (quoted_attribute_value (attribute_value) @name.text)))
  (#eq? @_id "id")) @definition.section
(script_element
  (start_tag
    (attribute
      (attribute_name) @_id
      (quoted_attribute_value (attribute_value) @name.text)))
  (#eq? @_id "id")) @definition.section
