(comment) @comment

(function_declaration name: (_) @name) @definition.function
(function_declaration name: (_) @name body: (_) @body) @definition.function
(assignment_statement
  (variable_list . name: (_) @name .)
  (expression_list . value: (function_definition body: (_) @body) .)) @definition.function
(variable_declaration
  (assignment_statement
    (variable_list . name: (_) @name .)
    (expression_list . value: (function_definition body: (_) @body) .))) @definition.function
(field name: (identifier) @name value: (function_definition body: (_) @body)) @definition.function

(chunk
  (variable_declaration
    (assignment_statement
      (variable_list . name: (_) @name .)
      (expression_list . value: (table_constructor) .))) @definition.constant)
(chunk
  (assignment_statement
    (variable_list . name: (_) @name .)
    (expression_list . value: (table_constructor) .)) @definition.constant)

(function_call
  name: (identifier) @_call
  arguments: (arguments
    . (string) @name.text
    . (function_definition body: (_) @body))
  (#any-of? @_call "describe" "it" "context" "test" "insulate")) @definition.test
