(comment) @comment

(function_declaration name: (identifier) @name body: (_) @body) @definition.function
(variable_declaration
  . (identifier) @name
  [(struct_declaration) (union_declaration) (enum_declaration) (opaque_declaration)]) @definition.class
(variable_declaration . (identifier) @name (error_set_declaration)) @definition.type
(source_file
  (variable_declaration
    . (identifier) @name
    [(integer) (float) (string) (multiline_string) (anonymous_struct_initializer) (struct_initializer)]) @definition.constant)
(test_declaration (string) @name.text (block) @body) @definition.test
(test_declaration (identifier) @name (block) @body) @definition.test
