[(line_comment) (block_comment)] @comment

(class_declaration name: (identifier) @name.text) @definition.type
(class_declaration name: (identifier) @name.text (class_body) @body) @definition.class
(class_declaration name: (identifier) @name.text (enum_class_body) @body) @definition.type
(object_declaration name: (identifier) @name.text) @definition.class
(object_declaration name: (identifier) @name.text (class_body) @body) @definition.class
(companion_object (class_body) @body (#set! name "Companion")) @definition.class
(type_alias type: (identifier) @name.text) @definition.type

(function_declaration name: (identifier) @name.text) @definition.function
(function_declaration name: (identifier) @name.text (function_body) @body) @definition.function
; extensions belong to their receiver
(function_declaration
  (user_type . (identifier) @scope)
  . name: (identifier) @name.text) @definition.function
(function_declaration
  (user_type . (identifier) @scope)
  . name: (identifier) @name.text
  (function_body) @body) @definition.function
(secondary_constructor (#set! name "constructor")) @definition.method
(function_declaration
  (modifiers (annotation (user_type (identifier) @_test)))
  name: (identifier) @name.text
  (function_body) @body
  (#any-of? @_test "Test" "ParameterizedTest")) @definition.test

(source_file (property_declaration (variable_declaration (identifier) @name.text)) @definition.constant)
